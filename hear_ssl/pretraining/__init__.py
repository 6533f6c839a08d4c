"""Pre-training of BYOL-A on any folders of audio: `hear-ssl pretrain byol-a FOLDER... --out DIR`."""
