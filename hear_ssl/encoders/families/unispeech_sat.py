"""UniSpeech-SAT: the network of HuBERT, trained to tell speakers apart."""

from hear_ssl.encoders.wave_family import HEADS, wave_family

HEADS_OF_ITS_OWN = {"speaker_proj", "label_embeddings_concat", "layer_norm_for_extract"}
FAMILY = wave_family("unispeech-sat", "UniSpeechSat", heads=HEADS | HEADS_OF_ITS_OWN)
