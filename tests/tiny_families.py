"""A tiny random checkpoint of every family that has an encoder of its own, and the library's own numbers for a clip."""

import json
from dataclasses import dataclass, field

import torch

from hear_ssl.encoders import weights
from tiny_checkpoints import SMALL


def words(text):
    """The words of a text."""
    return frozenset(text.split())


FAR_APART = frozenset({"timestamps are at most 50 ms apart"})
OTHER_RATE = frozenset({"the sample rate is one of HEAR's"})
# Keys of the wav2vec 2.0 kin that training, heads and decoding read.
ELSEWHERE = words(
    """activation_dropout adapter_kernel_size adapter_stride add_adapter apply_spec_augment attention_dropout bos_token_id
    classifier_proj_size codevector_dim contrastive_logits_temperature ctc_loss_reduction ctc_zero_infinity
    diversity_loss_weight eos_token_id feat_proj_dropout feat_quantizer_dropout final_dropout hidden_dropout layerdrop
    mask_feature_length mask_feature_min_masks mask_time_length mask_time_min_masks num_adapter_layers num_codevector_groups
    num_codevectors_per_group num_feat_extract_layers num_negatives output_hidden_size pad_token_id proj_codevector_dim
    tdnn_dilation tdnn_dim tdnn_kernel use_weighted_layer_sum vocab_size xvector_output_dim conformer_conv_dropout"""
)


@dataclass(frozen=True)
class Tiny:
    """A small network of a family and how tests ask it.

    Attributes:
        classes: Beginning of the names of its classes.
        settings: Of its config.
        seconds: Lengths of clips that are compared with the library; the first has no rest after its last frame.
        clicks: Where in the first clip a click is tried, as shares of its length.
        click, quiet, tolerance: Height of the click; the share of the largest change that counts as one; how far the centre of what
            changes may be from the click, in hops.
        local_layer: A layer whose frames see only their field.
        windows: Options for the test of long recordings.
        elsewhere: Keys of its config that decide nothing about the encoder.
        model: Class that is saved; by default the one that ends in Model.
        frames_make_scenes: Whether timestamp embeddings are the frames of scenes.
        warns: Checks of `hear-eval validate` that warn, as the docs say.
        causal: Whether a click moves its own frame and later ones only.
        section: Where in its config the encoder's settings are.
        extractor: The library's feature extractor and what it is made with.
    """

    classes: str
    settings: dict
    seconds: tuple = (0.525, 0.6943)
    clicks: tuple = (0.4, 0.6)
    click: float = 0.3
    quiet: float = 0.02
    tolerance: float = 0.25
    local_layer: object = 0
    windows: dict = field(default_factory=lambda: {"window_seconds": 12})
    elsewhere: frozenset = ELSEWHERE
    model: str = ""
    frames_make_scenes: bool = True
    section: str = ""
    causal: bool = False
    warns: frozenset = frozenset()
    extractor: tuple = ("Wav2Vec2FeatureExtractor", {"do_normalize": True})

    def config(self):
        """The library's config."""
        with weights.quiet_transformers() as transformers:
            return getattr(transformers, f"{self.classes}Config")(**self.settings)

    def keys(self):
        """Keys that this family's config has beyond those of any."""
        with weights.quiet_transformers() as transformers:
            general = set(transformers.PretrainedConfig().to_dict()) | {"model_type", "transformers_version"}
        config = self.config()
        return set((getattr(config, self.section) if self.section else config).to_dict()) - general


CONFORMER = {**SMALL, "conv_depthwise_kernel_size": 7, "max_source_positions": 64}
SEW = {
    **SMALL,
    "conv_kernel": (10, 3, 3, 3, 3, 2, 2),
    "conv_stride": (5, 2, 2, 2, 2, 2, 2),
    "num_feat_extract_layers": 7,
    "num_conv_pos_embeddings": 4,
}
BERT = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "conv_depthwise_kernel_size": 7,
    "max_source_positions": 64,
    "left_max_position_embeddings": 8,
    "right_max_position_embeddings": 4,
}
BERT_ELSEWHERE = ELSEWHERE | {"adapter_act", "use_intermediate_ffn_before_adapter"}
SEAMLESS = ("SeamlessM4TFeatureExtractor", {})
SEAMLESS_WAY = {
    "extractor": SEAMLESS,
    "click": 0.1,
    "quiet": 0.2,
    "elsewhere": words(
        """activation_dropout activation_function adaptor_dropout attention_dropout bos_token_id char_vocab_size decoder_attention_heads
        decoder_ffn_dim decoder_layerdrop decoder_layers decoder_start_token_id dropout encoder_attention_heads encoder_ffn_dim
        encoder_layerdrop encoder_layers eos_token_id lang_embed_dim leaky_relu_slope max_new_tokens max_position_embeddings
        num_conv_pos_embedding_groups num_conv_pos_embeddings pad_token_id resblock_dilation_sizes resblock_kernel_sizes sampling_rate
        scale_embedding speech_encoder_dropout speech_encoder_layerdrop spkr_embed_dim t2u_bos_token_id t2u_decoder_attention_heads
        t2u_decoder_ffn_dim t2u_decoder_layers t2u_decoder_start_token_id t2u_encoder_attention_heads t2u_encoder_ffn_dim
        t2u_encoder_layers t2u_eos_token_id t2u_max_new_tokens t2u_max_position_embeddings t2u_pad_token_id
        t2u_variance_pred_dropout t2u_variance_predictor_embed_dim t2u_variance_predictor_hidden_dim
        t2u_variance_predictor_kernel_size t2u_vocab_size tie_word_embeddings unit_embed_dim unit_hifi_gan_vocab_size
        upsample_initial_channel upsample_kernel_sizes upsample_rates use_cache var_pred_dropout variance_predictor_kernel_size
        vocab_size vocoder_num_langs vocoder_num_spkrs vocoder_offset"""
    ),
}
SEAMLESS_CONFIG = {
    "hidden_size": 32,
    "speech_encoder_layers": 3,
    "speech_encoder_attention_heads": 4,
    "speech_encoder_intermediate_size": 64,
    "conv_depthwise_kernel_size": 7,
    "decoder_layers": 1,
    "decoder_ffn_dim": 16,
    "decoder_attention_heads": 2,
    "vocab_size": 16,
}
OMNIASR = {**SMALL, "conv_bias": True, "num_conv_pos_embeddings": 4}
OMNIASR_WAY = {
    "extractor": ("OmniASRFeatureExtractor", {}),
    "elsewhere": words("activation_dropout attention_dropout hidden_dropout layerdrop"),
    "tolerance": 0.4,  # the positional convolution has an even kernel, which reaches half a frame further back than ahead
}
LASR = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "conv_kernel_size": 8,
    "subsampling_conv_channels": 24,
    "num_mel_bins": 40,
}
LASR_WAY = {
    "seconds": (0.545, 0.6943),
    "frames_make_scenes": False,  # a frame of 145 ms whose centre lies in the clip may end behind it
    "warns": frozenset({"timestamps cover the clip"}),  # the first one is centred on 72.5 ms
    "tolerance": 0.4,  # of a hop of 40 ms; over eight networks the mean is within 2 ms
    "extractor": ("LasrFeatureExtractor", {"feature_size": 40}),
    "elsewhere": words(
        """activation_dropout attention_dropout batch_norm_momentum dropout dropout_positions layerdrop num_key_value_heads"""
    ),
}
SPEECHT5 = {
    "hidden_size": 48,
    "encoder_layers": 3,
    "encoder_attention_heads": 4,
    "encoder_ffn_dim": 96,
    "decoder_layers": 1,
    "decoder_attention_heads": 2,
    "decoder_ffn_dim": 16,
    "conv_dim": (32,) * 7,
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 4,
    "encoder_max_relative_position": 8,
    "vocab_size": 16,
}
AST = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_length": 128,
    "num_mel_bins": 64,
}
WHISPER = {
    "d_model": 32,
    "encoder_layers": 3,
    "decoder_layers": 1,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
    "num_mel_bins": 24,
    "vocab_size": 64,
    "max_source_positions": 100,
    "max_target_positions": 8,
    **dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id"), 1),
}
CLAP = {
    "audio_config": {
        "depths": [1, 1, 1, 1],
        "num_attention_heads": [2, 2, 2, 2],
        "patch_embeds_hidden_size": 8,
        "hidden_size": 64,
        "projection_dim": 24,
    },
    "text_config": {
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "vocab_size": 20,
        "projection_dim": 24,
    },
    "projection_dim": 24,
}
FUSION = {"enable_fusion": True, "fusion_type": "aff_2d"}
CLAP_WAY = {
    "seconds": (10.0, 0.6943, 4.0),
    "quiet": 0.3,
    "windows": {},
    "frames_make_scenes": False,
    "section": "audio_config",
    "warns": FAR_APART,
    "elsewhere": words("attention_probs_dropout_prob drop_path_rate hidden_dropout_prob num_classes num_hidden_layers"),
}
CODEC_ELSEWHERE = words(
    """codebook_size codebook_dim decoder_hidden_size n_codebooks quantizer_dropout commitment_loss_weight hidden_size
    codebook_loss_weight upsampling_ratios hop_length"""
)
TINY = {
    "encodec": Tiny(
        "Encodec",
        {"num_filters": 4, "hidden_size": 16, "codebook_dim": 16, "codebook_size": 8},
        local_layer="last",
        extractor=("EncodecFeatureExtractor", {}),
        elsewhere=words("codebook_size codebook_dim target_bandwidths trim_right_ratio"),
        warns=OTHER_RATE,
        causal=True,
    ),
    "dac": Tiny(
        "Dac",
        {"encoder_hidden_size": 4, "decoder_hidden_size": 32, "n_codebooks": 2, "codebook_size": 8},
        local_layer="last",
        extractor=("DacFeatureExtractor", {}),
        elsewhere=CODEC_ELSEWHERE,
    ),
    "moonshine": Tiny(
        "Moonshine",
        {
            "hidden_size": 32,
            "intermediate_size": 64,
            "encoder_num_hidden_layers": 3,
            "decoder_num_hidden_layers": 1,
            "encoder_num_attention_heads": 2,
            "decoder_num_attention_heads": 2,
            "vocab_size": 32,
        },
        extractor=("Wav2Vec2FeatureExtractor", {"do_normalize": False}),
        frames_make_scenes=False,
        warns=frozenset(
            {"timestamps cover the clip"}
        ),  # its fields are longer than two hops: the first one's middle is later
        elsewhere=ELSEWHERE
        | words(
            """decoder_num_hidden_layers decoder_num_attention_heads decoder_num_key_value_heads decoder_hidden_act
            decoder_start_token_id use_cache tie_word_embeddings"""
        ),
    ),
    "parakeet": Tiny(
        "ParakeetCTC",
        {
            "vocab_size": 16,
            "pad_token_id": 15,
            "encoder_config": {
                "hidden_size": 32,
                "num_hidden_layers": 3,
                "num_attention_heads": 4,
                "intermediate_size": 64,
                "subsampling_conv_channels": 8,
                "num_mel_bins": 80,
            },
        },
        model="ParakeetForCTC",
        extractor=("ParakeetFeatureExtractor", {}),
        click=0.1,
        quiet=0.2,
        section="encoder_config",
        elsewhere=words("dropout dropout_positions layerdrop activation_dropout attention_dropout num_key_value_heads"),
        warns=FAR_APART,
        tolerance=0.4,
    ),
    "mimi": Tiny(
        "Mimi",
        {
            "num_filters": 4,
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 8,
            "intermediate_size": 64,
            "codebook_size": 8,
            "codebook_dim": 16,
            "vector_quantization_hidden_dimension": 16,
            "num_quantizers": 2,
            "upsample_groups": 32,
        },
        seconds=(1.2, 0.6943),
        local_layer="last",
        extractor=("EncodecFeatureExtractor", {}),
        elsewhere=words(
            """codebook_size codebook_dim num_quantizers trim_right_ratio vector_quantization_hidden_dimension use_cache
            num_semantic_quantizers upsample_groups use_streaming attention_dropout tie_word_embeddings _frame_rate
            encoder_config decoder_config"""
        ),
        warns=OTHER_RATE | FAR_APART,
        causal=True,
    ),
    "clap": Tiny("Clap", CLAP, extractor=("ClapFeatureExtractor", {"truncation": "rand_trunc"}), **CLAP_WAY),
    "clap_fusion": Tiny(
        "Clap",
        {**CLAP, "audio_config": {**CLAP["audio_config"], **FUSION}},
        extractor=("ClapFeatureExtractor", {"truncation": "fusion"}),
        **CLAP_WAY,
    ),
    "conformer_relative": Tiny("Wav2Vec2Conformer", {**CONFORMER, "position_embeddings_type": "relative"}),
    "conformer_rotary": Tiny(
        "Wav2Vec2Conformer", {**CONFORMER, "position_embeddings_type": "rotary", "feat_extract_norm": "layer"}
    ),
    "conformer_plain": Tiny("Wav2Vec2Conformer", {**CONFORMER, "position_embeddings_type": None}),
    "sew": Tiny("SEW", SEW),
    "sew_layer_norm": Tiny("SEW", {**SEW, "feat_extract_norm": "layer"}),
    "sew_d": Tiny("SEWD", {**SEW, "position_buckets": 8, "max_position_embeddings": 16}),
    **{
        f"wav2vec2_bert_{positions}": Tiny(
            "Wav2Vec2Bert",
            {**BERT, "position_embeddings_type": positions},
            extractor=SEAMLESS,
            elsewhere=BERT_ELSEWHERE,
            click=0.1,
            quiet=0.2,
        )
        for positions in ("relative_key", "relative", "rotary", None)
    },
    **{
        f"seamless_m4t_{positions}": Tiny(
            "SeamlessM4T",
            {**SEAMLESS_CONFIG, "position_embeddings_type": positions, "max_source_positions": 64},
            model="SeamlessM4TForSpeechToText",
            **SEAMLESS_WAY,
        )
        for positions in ("relative", "rotary")
    },
    "seamless_m4t_v2": Tiny(
        "SeamlessM4Tv2",
        {**SEAMLESS_CONFIG, "left_max_position_embeddings": 8, "right_max_position_embeddings": 4},
        model="SeamlessM4Tv2ForSpeechToText",
        **SEAMLESS_WAY,
    ),
    "speech_to_text": Tiny(
        "Speech2Text",
        {
            "d_model": 32,
            "encoder_layers": 3,
            "encoder_ffn_dim": 64,
            "encoder_attention_heads": 4,
            "decoder_layers": 1,
            "decoder_ffn_dim": 16,
            "decoder_attention_heads": 2,
            "conv_channels": 24,
            "vocab_size": 16,
            "max_source_positions": 100,
        },
        extractor=("Speech2TextFeatureExtractor", {}),
        click=0.1,
        quiet=0.2,
        tolerance=0.4,  # of a hop of 40 ms; over eight networks the mean is within 2 ms
        elsewhere=words(
            """activation_dropout attention_dropout bos_token_id decoder_attention_heads decoder_ffn_dim decoder_layerdrop
            decoder_layers decoder_start_token_id dropout encoder_layerdrop eos_token_id max_target_positions tie_word_embeddings
            use_cache vocab_size"""
        ),
    ),
    "omniasr_audio": Tiny("OmniASRAudio", OMNIASR, **OMNIASR_WAY),
    "omniasr_ctc": Tiny(
        "OmniASRCTC",
        {"vocab_size": 16, "audio_config": OMNIASR},
        model="OmniASRForCTC",
        section="audio_config",
        **OMNIASR_WAY,
    ),
    "lasr_encoder": Tiny("LasrEncoder", LASR, model="LasrEncoder", **LASR_WAY),
    "lasr_ctc": Tiny(
        "LasrCTC",
        {"vocab_size": 16, "encoder_config": LASR},
        model="LasrForCTC",
        section="encoder_config",
        **LASR_WAY,
    ),
    **{
        f"speecht5_{norm}_norm": Tiny(
            "SpeechT5",
            {**SPEECHT5, "feat_extract_norm": norm},
            model="SpeechT5ForSpeechToText",
            extractor=("SpeechT5FeatureExtractor", {"do_normalize": norm == "layer"}),
            tolerance=0.4,  # the positional convolution has an even kernel, which reaches half a frame further back than ahead
            elsewhere=ELSEWHERE
            | words(
                """decoder_attention_heads decoder_ffn_dim decoder_layerdrop decoder_layers decoder_start_token_id encoder_layerdrop
                guided_attention_loss_num_heads guided_attention_loss_scale guided_attention_loss_sigma max_text_positions
                num_mel_bins positional_dropout reduction_factor scale_embedding speaker_embedding_dim speech_decoder_postnet_dropout
                speech_decoder_postnet_kernel speech_decoder_postnet_layers speech_decoder_postnet_units
                speech_decoder_prenet_dropout speech_decoder_prenet_layers speech_decoder_prenet_units tie_word_embeddings
                use_cache use_guided_attention_loss"""
            ),
        )
        for norm in ("group", "layer")
    },
    "ast": Tiny(
        "AST",
        AST,
        seconds=(1.1, 0.6943, 0.1),
        windows={},
        extractor=("ASTFeatureExtractor", {"num_mel_bins": 64, "max_length": 128}),
        elsewhere=words("hidden_dropout_prob attention_probs_dropout_prob"),
        warns=FAR_APART,
    ),
    "whisper": Tiny(
        "Whisper",
        WHISPER,
        seconds=(0.8, 0.6943, 2.0),
        windows={},
        extractor=("WhisperFeatureExtractor", {"chunk_length": 2, "feature_size": 24}),
        elsewhere=ELSEWHERE
        | words(
            """decoder_layers decoder_attention_heads decoder_ffn_dim encoder_layerdrop decoder_layerdrop decoder_start_token_id
            use_cache dropout scale_embedding max_target_positions suppress_tokens begin_suppress_tokens median_filter_width
            tie_word_embeddings mask_time_prob mask_feature_prob"""
        ),
    ),
}


def network(kind):
    """The tiny network, of random weights that carry the audio through: initial ones of some do next to nothing, or nothing."""
    tiny = TINY[kind]
    with weights.quiet_transformers() as transformers, torch.no_grad():
        torch.manual_seed(1)
        made = getattr(transformers, tiny.model or f"{tiny.classes}Model")(tiny.config()).eval()
        for module in made.modules():
            plain = not torch.nn.utils.parametrize.is_parametrized(module)
            if plain and isinstance(module, (torch.nn.Linear, torch.nn.Conv1d, torch.nn.Conv2d)):
                module.weight.normal_(0, module.weight[0].numel() ** -0.5)
            if isinstance(module, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2)
        for tensor in made.parameters():
            if not tensor.any():
                tensor.normal_(0, 0.3)
    return made


def save(kind, folder):
    """Its checkpoint in the hub's format, written by the library; gives the folder."""
    name, settings = TINY[kind].extractor
    with weights.quiet_transformers() as transformers:
        network(kind).save_pretrained(folder)
        getattr(transformers, name)(**settings).save_pretrained(folder)
    assert json.loads((folder / "config.json").read_text())["model_type"]
    return folder


def reference(kind, folder, clip):
    """The library's own layers of one clip (n_samples,), each (n_frames, width), from the files of the folder."""
    with weights.quiet_transformers() as transformers, torch.no_grad():
        own = getattr(transformers, TINY[kind].model or "AutoModel")
        made = own.from_pretrained(folder, dtype=torch.float32).eval()
        extractor = transformers.AutoFeatureExtractor.from_pretrained(folder)
        features = extractor(clip.numpy(), sampling_rate=extractor.sampling_rate, return_tensors="pt")
        return REFERENCES.get(TINY[kind].classes, waveform)(made, features, clip)


def waveform(made, features, clip):
    """Hidden states, the last one after the final norm."""
    out = made(features.input_values, output_hidden_states=True)
    return [state[0] for state in (*out.hidden_states[:-1], out.last_hidden_state)]


def squeezed(made, features, clip):
    """The same of SEW: the output's frames are averaged in pairs, without the one of zeros at an odd end."""
    *inner, last = waveform(made, features, clip)
    n = len(inner[0])
    return [*inner, last[: 2 * n].view(n, 2, -1).mean(1)]


def stacked(made, features, clip):
    """Hidden states of wav2vec2-BERT, without the frame that the library masks."""
    out = made(features.input_features, attention_mask=features.attention_mask, output_hidden_states=True)
    n = int(features.attention_mask.sum())
    return [state[0, :n] for state in (*out.hidden_states[:-1], out.last_hidden_state)]


def seamless(made, features, clip):
    """Hidden states of SeamlessM4T, the last one before its adapter, which the library calls the last hidden state."""
    last, encoder = [], made.speech_encoder
    encoder.encoder.register_forward_hook(lambda module, inputs, output: last.append(output))
    out = encoder(features.input_features, attention_mask=features.attention_mask, output_hidden_states=True)
    n = int(features.attention_mask.sum())
    return [state[0, :n] for state in (*out.hidden_states[:-1], *last)]


def speech_to_text(made, features, clip):
    """Hidden states of the encoder of Speech2Text."""
    out = made.encoder(features.input_features, features.attention_mask, output_hidden_states=True)
    return [state[0] for state in (*out.hidden_states[:-1], out.last_hidden_state)]


def omniasr(made, features, clip):
    """Hidden states of the encoder of Omnilingual ASR, by itself or in a CTC model."""
    encoder = made.model.audio_tower if hasattr(made, "model") else made
    return waveform(encoder, features, clip)


def lasr(made, features, clip):
    """Hidden states of the encoder of LASR, by itself or in a CTC model."""
    encoder = getattr(made, "encoder", made)
    out = encoder(features.input_features, output_hidden_states=True)
    return [state[0] for state in (*out.hidden_states[:-1], out.last_hidden_state)]


def speecht5(made, features, clip):
    """Hidden states of the speech encoder of SpeechT5."""
    out = made.speecht5.encoder(features.input_values, output_hidden_states=True)
    return [state[0] for state in out.hidden_states]


def columns(made, features, clip):
    """Hidden states of AST, as means over frequency of the columns in the clip; tokens are in the order of Conv2d."""
    out, config = made(features.input_values, output_hidden_states=True), made.config
    n_bands = 1 + (config.num_mel_bins - 16) // 10
    n = max(1, 1 + (len(clip) - 2800) // 1600)
    states = (*out.hidden_states[:-1], out.last_hidden_state)
    return [state[0, 2:].reshape(n_bands, -1, state.shape[2]).mean(0)[:n] for state in states]


def whisper(made, features, clip):
    """Hidden states of Whisper's encoder at the frames of the clip."""
    out = made.encoder(features.input_features, output_hidden_states=True)
    n = -(-len(clip) // 320)
    return [state[0, :n] for state in (*out.hidden_states[:-1], out.last_hidden_state)]


def clap(made, features, clip):
    """The projected embedding of the clip, which is the one frame of the one layer."""
    never = torch.zeros(1, 1, dtype=torch.bool)
    return [made.get_audio_features(input_features=features.input_features, is_longer=never).pooler_output]


def encodec(made, features, clip):
    """Latents before they are quantised; frames whose middle is in the clip."""
    return [made.encoder(features.input_values)[0].T[: max(1, 1 + (len(clip) - 160) // 320)]]


def dac(made, features, clip):
    """The same of DAC, whose extractor fills the clip up to whole frames."""
    return [made.encoder(torch.as_tensor(features.input_values))[0].T[: max(1, 1 + (len(clip) - 256) // 512)]]


def moonshine(made, features, clip):
    """Hidden states of Moonshine's encoder."""
    return waveform(made.encoder, features, clip)


def parakeet(made, features, clip):
    """Hidden states of Parakeet's encoder at the frames that it does not mask."""
    out = made.encoder(features.input_features, attention_mask=features.attention_mask, output_hidden_states=True)
    n = int(out.attention_mask.sum())
    return [state[0, :n] for state in (*out.hidden_states[:-1], out.last_hidden_state)]


def mimi(made, features, clip):
    """Latents of Mimi before they are quantised; frames whose middle is in the clip."""
    latents = made.encoder(features.input_values).latents
    return [latents[0].T[: max(1, 1 + (len(clip) - 960) // 1920)]]


REFERENCES = {
    "Mimi": mimi,
    "ParakeetCTC": parakeet,
    "Moonshine": moonshine,
    "Encodec": encodec,
    "Dac": dac,
    "Clap": clap,
    "SEW": squeezed,
    "SEWD": squeezed,
    "Wav2Vec2Bert": stacked,
    "Speech2Text": speech_to_text,
    "LasrEncoder": lasr,
    "LasrCTC": lasr,
    "SpeechT5": speecht5,
    "OmniASRAudio": omniasr,
    "OmniASRCTC": omniasr,
    "SeamlessM4T": seamless,
    "SeamlessM4Tv2": seamless,
    "AST": columns,
    "Whisper": whisper,
}
