"""BETO, DistilBETO or any other encoder, fine-tuned with Trainer and accelerate."""
