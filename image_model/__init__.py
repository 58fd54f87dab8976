"""ResNet or any other image classifier on document page images, with Trainer and accelerate."""
