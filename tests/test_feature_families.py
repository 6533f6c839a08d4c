"""What is particular to networks over a spectrogram: contexts, options, processor files, statistics of long recordings."""

import json

import pytest
import torch

from hear_ssl import hf
from hear_ssl.encoders import bounds, weights
from tiny_families import TINY, network, save

pytestmark = pytest.mark.slow  # the whole file: it loads networks


def noise(n, seed=0):
    """A clip (n,) of noise that fades."""
    return torch.randn(n, generator=torch.Generator().manual_seed(seed)) * torch.linspace(0.2, 0.01, n)


def error(ours, wanted):
    """RMS of the difference, relative to the RMS of what was wanted."""
    return ((ours - wanted).square().mean().sqrt() / wanted.square().mean().sqrt()).item()


def edit(folder, name, **changes):
    """A JSON file of a checkpoint with other values; None takes a key away."""
    path = folder / name
    content = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))


def test_ast_without_padding_is_the_network_of_that_length(tmp_path):
    """With context=clip the library's own AST, made for so many mel frames, with as many of the positions, gives the same."""
    folder, clip = save("ast", tmp_path), noise(11200)  # 68 mel frames: 6 columns
    with weights.quiet_transformers() as transformers, torch.no_grad():
        short = transformers.ASTModel(transformers.ASTConfig(**{**TINY["ast"].settings, "max_length": 68})).eval()
        state = network("ast").state_dict()
        positions = state["embeddings.position_embeddings"]
        grid = positions[:, 2:].reshape(1, 5, 12, -1)[:, :, :6].reshape(1, 30, -1)
        state["embeddings.position_embeddings"] = torch.cat([positions[:, :2], grid], dim=1)
        short.load_state_dict(state)
        extractor = transformers.ASTFeatureExtractor(num_mel_bins=64, max_length=68)
        values = extractor(clip.numpy(), sampling_rate=16000, return_tensors="pt").input_values
        tokens = short(values).last_hidden_state[0, 2:].reshape(5, 6, -1)
    wanted = tokens.mean((0, 1))
    assert error(hf.load_model(str(folder), context="clip").clips([clip], False)["scene"][0], wanted) < 1e-5
    assert error(hf.load_model(str(folder)).clips([clip], False)["scene"][0], wanted) > 1e-3


def test_whisper_without_padding_is_the_network_of_that_length(tmp_path):
    """The same of Whisper: features of the clip alone, the first of the positions."""
    folder, clip = save("whisper", tmp_path), noise(9600)  # 30 frames
    with weights.quiet_transformers() as transformers, torch.no_grad():
        config = transformers.WhisperConfig(**{**TINY["whisper"].settings, "max_source_positions": 30})
        short = transformers.WhisperModel(config).eval()
        state = network("whisper").state_dict()
        state["encoder.embed_positions.weight"] = state["encoder.embed_positions.weight"][:30]
        short.load_state_dict(state)
        extractor = transformers.WhisperFeatureExtractor(chunk_length=2, feature_size=24)
        values = extractor(clip.numpy(), sampling_rate=16000, padding=False, return_tensors="pt").input_features
        theirs = short.encoder(values).last_hidden_state[0]
    ours = hf.load_model(str(folder), context="clip").timestamps(clip[None])[0][0]
    assert error(ours, theirs) < 1e-5
    assert error(hf.load_model(str(folder)).timestamps(clip[None])[0][0], theirs) > 1e-3


@pytest.mark.parametrize("kind", ["ast", "whisper"])
def test_contexts_agree_where_nothing_is_padded(kind, tmp_path):
    """A clip as long as the network's input is the same in both."""
    folder, clip = save(kind, tmp_path), noise({"ast": 400 + 127 * 160, "whisper": 32000}[kind])
    scenes = [
        hf.load_model(str(folder), context=context).clips([clip], False)["scene"] for context in ("padded", "clip")
    ]
    assert error(*scenes) < 1e-6


def test_clap_gives_the_embedding_before_the_projection_too(tmp_path):
    """output=pooled is the library's pooler_output; a long clip's scene is the mean of its windows, the last one at its end."""
    folder, clip = save("clap", tmp_path), noise(48000 * 13)
    model = hf.load_model(str(folder), output="pooled")
    with weights.quiet_transformers() as transformers, torch.no_grad():
        made = transformers.ClapModel.from_pretrained(folder).eval()
        extractor = transformers.AutoFeatureExtractor.from_pretrained(folder)
        parts = [clip[:480000].numpy(), clip[-480000:].numpy()]
        values = extractor(parts, sampling_rate=48000, return_tensors="pt").input_features
        theirs = made.audio_model(values, is_longer=torch.zeros(2, 1)).pooler_output
    assert error(model.clips([clip], False)["scene"][0], theirs.mean(0)) < 1e-5


@pytest.mark.parametrize(
    "kind",
    [
        "wav2vec2_bert_relative_key",
        "seamless_m4t_v2",
        "omniasr_audio",
        "parakeet",
        "moonshine",
        "conformer_relative",
        "sew",
    ],
)
def test_statistics_are_those_of_a_whole_recording(kind, tmp_path):
    """The input of the first layer is the same in windows and in one piece, though the recording fades."""
    folder, clip = save(kind, tmp_path), noise(16000 * 25)
    whole, cut = (
        hf.load_model(str(folder), layer=0, window_seconds=seconds).timestamps(clip[None])[0][0]
        for seconds in (100, 11)
    )
    assert error(cut, whole) < 1e-5


def test_many_clips_of_one_length_share_passes(tmp_path):
    """More than go through a network of fixed length at once, each as if alone."""
    model = hf.load_model(str(save("whisper", tmp_path)))
    clips = [noise(3200, seed) for seed in range(37)]
    together = model.clips(clips, layers=True)["layers_mean"]
    for number in (0, 15, 16, 36):
        assert error(together[number], model.clips([clips[number]], layers=True)["layers_mean"][0]) < 1e-5


@pytest.mark.parametrize(
    ("kind", "changes", "sentence"),
    [
        ("ast", {"max_length": 64}, "says max_length 64, but by max_length of config.json it is 128"),
        ("ast", {"num_mel_bins": 128}, "says num_mel_bins 128, but by num_mel_bins of config.json it is 64"),
        ("ast", {"sampling_rate": 32000}, "sampling_rate is 32000; here this family runs with 16000 only"),
        ("ast", {"std": 0}, "std is 0; a number from 1e-06"),
        ("whisper", {"feature_size": 80}, "says feature_size 80, but by num_mel_bins of config.json it is 24"),
        ("whisper", {"chunk_length": 30}, "says chunk_length 30, but by max_source_positions of config.json it is 2"),
        ("whisper", {"dither": 0.1}, "dither is 0.1; here this family runs with 0.0 only"),
        ("whisper", {"n_fft": 512}, "n_fft is 512; here"),
        ("clap", {"truncation": "none"}, "truncation is 'none'; known are fusion, rand_trunc"),
        ("clap", {"frequency_max": 48000}, "frequency_max is 48000; a number from 0 to 24000"),
        ("clap", {"frequency_min": 14000}, "says frequency_min 14000, which is not below frequency_max, 14000"),
        ("clap", {"feature_size": 128}, "says feature_size 128, but by num_mel_bins of config.json it is 64"),
        (
            "wav2vec2_bert_None",
            {"num_mel_bins": 128},
            "says num_mel_bins 128, but config.json has .* 160, two frames of 80",
        ),
        ("wav2vec2_bert_None", {"stride": 4}, "stride is 4; here this family runs with 2 only"),
        (
            "encodec",
            {"sampling_rate": 48000},
            "says sampling_rate 48000, but by sampling_rate of config.json it is 24000",
        ),
        ("encodec", {"feature_size": 2}, "feature_size is 2; here this family runs with 1 only"),
        ("dac", {"hop_length": 320}, "says hop_length 320, but by downsampling_ratios of config.json it is 512"),
        ("parakeet", {"preemphasis": 0.0}, "preemphasis is 0.0; here this family runs with 0.97 only"),
        ("lasr_encoder", {"feature_size": 128}, "says feature_size 128, but by num_mel_bins of config.json it is 40"),
        (
            "speech_to_text",
            {"num_mel_bins": 40},
            "says num_mel_bins 40, but by input_feat_per_channel of config.json it is 80",
        ),
        ("speech_to_text", {"normalize_vars": False}, "normalize_vars is False; here"),
        ("moonshine", {"do_normalize": True}, "do_normalize is True; here"),
    ],
)
def test_a_processor_that_does_otherwise_is_refused(kind, changes, sentence, tmp_path):
    """A front end that is not the one of the family, or not that of the network, is named with both values."""
    save(kind, tmp_path)
    edit(tmp_path, "preprocessor_config.json", **changes)
    with pytest.raises(ValueError, match=sentence):
        hf.load_model(str(tmp_path))


def test_moonshines_rotary_positions_are_read_from_older_files_too(tmp_path):
    """Moonshine base turns another share of each head than the small one, and its config.json has it under its own name."""
    folder, clip = save("moonshine", tmp_path), noise(8000)
    usual = hf.load_model(str(folder)).clips([clip], False)["scene"]
    rotary = {"rope_theta": 10000.0, "partial_rotary_factor": 0.5, "rope_type": "default"}
    edit(folder, "config.json", rope_parameters=rotary)
    other = hf.load_model(str(folder)).clips([clip], False)["scene"]
    edit(folder, "config.json", rope_parameters=None, rope_theta=10000.0, partial_rotary_factor=0.5)
    assert torch.equal(hf.load_model(str(folder)).clips([clip], False)["scene"], other) and error(usual, other) > 1e-4


@pytest.mark.parametrize(
    ("kind", "changes", "sentence"),
    [
        ("encodec", {"audio_channels": 2}, "audio_channels is 2; here this family runs with 1 only"),
        ("encodec", {"norm_type": "time_group_norm"}, "norm_type is 'time_group_norm'; here"),
        ("moonshine", {"rope_parameters": {"rope_type": "yarn"}}, "rope_parameters is .*yarn.*; the default kind with"),
        ("moonshine", {"rope_parameters": None, "rope_theta": "x"}, "rope_parameters is .*'x'"),
        ("mimi", {"rope_theta": 500.0}, "rope_theta is 500.0; here this family runs with 10000.0 only"),
        ("whisper", {"encoder_layers": 2}, "encoder_layers is 2, but the weights are of 3 layers"),
        ("ast", {"num_hidden_layers": 4}, "num_hidden_layers is 4, but the weights are of 3 layers"),
        ("ast", {"model_type": "whisper"}, "7 of 55 tensors belong neither to the encoder"),
        ("wav2vec2_bert_None", {"add_adapter": True}, "the key add_adapter is set"),
        ("seamless_m4t_v2", {"conv_depthwise_kernel_size": 8}, "conv_depthwise_kernel_size is 8, no odd number"),
        ("seamless_m4t_v2", {"add_adapter": "evil"}, "add_adapter is .evil.; true or false is wanted"),
        ("speech_to_text", {"conv_kernel_sizes": [5, 4]}, r"conv_kernel_sizes is \[5, 4\]; 2 odd numbers are wanted"),
        ("lasr_encoder", {"feed_forward_residual_weights": [1.5]}, "2 numbers from -100 to 100 are wanted"),
        (
            "lasr_ctc",
            {"encoder_config": {"rope_parameters": {"rope_type": "yarn"}}},
            "the default kind with rope_theta alone",
        ),
        ("speech_to_text", {"pad_token_id": 0}, "pad_token_id is 0; here this family runs with 1 only"),
        (
            "speecht5_group_norm",
            {"encoder_attention_heads": 5},
            "encoder_attention_heads is 5, which does not divide hidden_size",
        ),
        ("omniasr_audio", {"num_conv_pos_embeddings": 5}, "num_conv_pos_embeddings is 5, no even number"),
        ("wav2vec2_bert_None", {"use_intermediate_ffn_before_adapter": True}, "it puts another network behind"),
        ("sew_d", {"conv_kernel_size": 3}, "the key conv_kernel_size is set: SEW-D is run here without it only"),
        ("whisper", {"auto_map": {"AutoModel": "evil.Evil"}}, "the key auto_map is set: it names program code"),
        ("encodec", {"num_filters": 1}, "config.json: the installed transformers makes no network of these settings"),
        (
            "mimi",
            {"hidden_size": 1},
            r"config.json: hidden_size is 1; the installed transformers does not take it \(hidden_size must be div",
        ),
    ],
)
def test_a_config_of_another_form_is_refused(kind, changes, sentence, tmp_path):
    """What this family does not do here, and keys that lead to code."""
    save(kind, tmp_path)
    edit(tmp_path, "config.json", **changes)
    with pytest.raises(ValueError, match=sentence):
        hf.load_model(str(tmp_path))


@pytest.mark.parametrize("kind", ["seamless_m4t_rotary", "seamless_m4t_v2"])
def test_a_null_that_the_library_does_not_take_is_refused_by_us(kind, tmp_path):
    """`edit` takes a key away for None, and the library's default is another thing than null."""
    path = save(kind, tmp_path) / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "position_embeddings_type": None}))
    with pytest.raises(ValueError, match="config.json: position_embeddings_type is None; known are"):
        hf.load_model(str(tmp_path))


def test_what_the_librarys_own_check_of_types_refuses_names_the_field(tmp_path, monkeypatch):
    """A type that our rules let through, refused by the library's own check of types, is told with field, value and its reason."""
    monkeypatch.setattr(bounds.Real, "passed", lambda self, value: value)
    edit(save("whisper", tmp_path), "config.json", init_std=1)
    with pytest.raises(ValueError, match=r"config.json: init_std is 1; .* \(Field 'init_std' expected float, got int"):
        hf.load_model(str(tmp_path))


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [
        ("lasr_encoder", {"layer_norm_eps": 1, "conv_residual_weights": [2, 1]}),
        ("moonshine", {"rope_parameters": {"rope_type": "default", "rope_theta": 10000, "partial_rotary_factor": 1}}),
        ("omniasr_audio", {"layer_norm_eps": 1}),
        ("seamless_m4t_v2", {"layer_norm_eps": 1, "initializer_range": 0}),
        ("speech_to_text", {"init_std": 0, "pad_token_id": 1.0}),
        ("speecht5_group_norm", {"layer_norm_eps": 1}),
    ],
)
def test_a_whole_number_is_the_real_number_that_it_equals(kind, numbers, tmp_path):
    """JSON has one kind of number; the library takes no 1 for 1.0, nor 1.0 for 1."""
    folder, clip = save(kind, tmp_path), noise(8000)
    real = {
        key: json.loads(json.dumps(value), parse_int=float) if key != "pad_token_id" else 1
        for key, value in numbers.items()
    }
    scenes = []
    for settings in (numbers, real):
        edit(folder, "config.json", **settings)
        scenes.append(hf.load_model(str(folder)).clips([clip], False)["scene"])
    assert torch.equal(*scenes)


def test_code_in_the_encoders_section_is_refused_too(tmp_path):
    """CLAP's and Parakeet's encoders are described in a section of config.json."""
    save("clap", tmp_path)
    section = json.loads((tmp_path / "config.json").read_text())["audio_config"]
    edit(tmp_path, "config.json", audio_config={**section, "_attn_implementation": "evil/kernel"})
    with pytest.raises(ValueError, match="_attn_implementation is 'evil/kernel'"):
        hf.load_model(str(tmp_path))


def test_ast_without_a_processor_file_needs_its_statistics(tmp_path):
    """They are options, and the way out names AudioSet's."""
    folder, clip = save("ast", tmp_path), noise(16000)
    wanted = hf.load_model(str(folder)).clips([clip], False)["scene"]
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(ValueError, match=r"give the options mean= and std= \(-4.2677393 and 4.5689974 for networks"):
        hf.load_model(str(folder))
    with pytest.raises(ValueError, match="option std is 0"):
        hf.load_model(str(folder), mean=0.0, std=0)
    ours = hf.load_model(str(folder), mean=-4.2677393, std=4.5689974).clips([clip], False)["scene"]
    assert torch.equal(ours, wanted)


@pytest.mark.parametrize(
    ("kind", "options", "sentence"),
    [
        ("ast", {"context": "half"}, "option context='half': known values are 'padded' and 'clip'"),
        ("ast", {"window_seconds": 30}, r"option window_seconds=30: this network takes at most 1.2 s at once"),
        ("clap", {"window_seconds": 5}, r"option window_seconds=5: this network sees windows of 10 s and no others"),
        ("clap", {"output": "text"}, "option output='text': known values are 'projected' and 'pooled'"),
        (
            "clap",
            {"context": "clip"},
            r"option context='clip': networks of type clap do not take it.*\(they take output\)",
        ),
        ("whisper", {"normalize": True}, "option normalize=True: networks of type whisper do not take it"),
        ("encodec", {"layer": 1}, "option layer=1"),
    ],
)
def test_options_that_mean_nothing_here_are_refused(kind, options, sentence, tmp_path):
    """With those that do."""
    with pytest.raises(ValueError, match=sentence):
        hf.load_model(str(save(kind, tmp_path)), **options)


def heads(classes):
    """Classes of transformers with a head on a family, by the beginning of their names."""
    with weights.quiet_transformers() as transformers:
        return [name for name in dir(transformers) if name.startswith(f"{classes}For")]


@pytest.mark.parametrize(
    "kind", ["ast", "whisper", "wav2vec2_bert_rotary", "conformer_relative", "sew", "sew_d", "moonshine"]
)
def test_what_other_uses_leave_in_a_checkpoint_is_left_out(kind, tmp_path):
    """Whatever transformers puts on a network, or beside its encoder, the encoder's own numbers come out."""
    tiny, clip, tried = TINY[kind], noise(8400), 0
    for name in heads(tiny.classes):
        with weights.quiet_transformers() as transformers:
            torch.manual_seed(2)
            config = tiny.config()
            config.vocab_size, config.tdnn_dim = getattr(config, "vocab_size", None) or 9, (8,) * 5
            whole = getattr(transformers, name)(config).eval()
            bare = getattr(whole, whole.base_model_prefix, None)
            if not isinstance(bare, torch.nn.Module) or isinstance(whole, transformers.WhisperForCausalLM):
                continue  # Whisper's decoder alone, and an encoder without a model around it
            extractor, settings = tiny.extractor
            for model, folder in ((whole, tmp_path / name), (bare, tmp_path / f"{name} bare")):
                model.save_pretrained(folder)
                getattr(transformers, extractor)(**settings).save_pretrained(folder)
        ours, wanted = (
            hf.load_model(str(tmp_path / folder)).clips([clip], False)["scene"] for folder in (name, f"{name} bare")
        )
        assert torch.equal(ours, wanted), name
        tried += 1
    assert tried


def test_bands_of_a_window_are_normalised_as_in_the_whole_recording(tmp_path):
    """Of Speech2Text, whose positions begin anew in each window so that layers differ."""
    encoder, clip = hf.load_model(str(save("speech_to_text", tmp_path))).encoder, noise(16000 * 45)
    whole = encoder.features(clip[None], [None])
    part = encoder.features(clip[None, 160 * 1000 : 160 * 1099 + 400], [encoder.whole_clip(clip)])
    assert error(part, whole[:, 1000:1100]) < 1e-5
    assert not encoder.features(torch.zeros(1, 16000), [None]).any()


def test_tables_that_older_files_hold_are_left_out(tmp_path):
    """Positions that transformers 4 could save are computed today, and no weights."""
    from safetensors.torch import load_file, save_file

    folder, clip = save("speech_to_text", tmp_path), noise(8000)
    wanted = hf.load_model(str(folder)).clips([clip], False)["scene"]
    state = load_file(folder / "model.safetensors")
    save_file({**state, "encoder.embed_positions.weights": torch.ones(102, 32)}, folder / "model.safetensors")
    assert torch.equal(hf.load_model(str(folder)).clips([clip], False)["scene"], wanted)


def test_a_speecht5_that_takes_text_is_refused(tmp_path):
    """Its encoder has letters where the other has audio; and audio is left as it is where the processor says nothing."""
    save("speecht5_group_norm", tmp_path / "audio")
    edit(tmp_path / "audio", "preprocessor_config.json", do_normalize=None)
    assert hf.load_model(str(tmp_path / "audio")).encoder.normalize is False
    with weights.quiet_transformers() as transformers:
        transformers.SpeechT5ForTextToSpeech(TINY["speecht5_group_norm"].config()).save_pretrained(tmp_path / "text")
    (tmp_path / "text" / "preprocessor_config.json").write_bytes(
        (tmp_path / "audio" / "preprocessor_config.json").read_bytes()
    )
    with pytest.raises(ValueError, match="prenet.feature_encoder"):
        hf.load_model(str(tmp_path / "text"))
