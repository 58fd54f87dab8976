def pretraining_card(config, results):
    return "TODO"
