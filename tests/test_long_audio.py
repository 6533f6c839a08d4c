"""Memory that the settings bound, whatever the length of a recording."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow  # the whole file: it runs modules, suites or processes

THREE_HOURS = """
import resource, torch
from hear_ssl.encoders import api, weights
from hear_ssl.encoders.transformer import TransformerEncoder
with weights.quiet_transformers() as transformers:
    torch.manual_seed(0)
    config = transformers.HubertConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, conv_dim=(8,) * 7, num_conv_pos_embedding_groups=2)
    model = api.Model(TransformerEncoder(transformers.HubertModel(config), True))
audio = torch.empty(1, 3 * 3600 * 16000).uniform_(-1, 1)
api.get_scene_embeddings(audio[:, :16000 * 60], model)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
embeddings, timestamps = api.get_timestamp_embeddings(audio, model)
extra = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
print(extra, embeddings.shape[1], timestamps[0, -1].item(), bool(torch.isfinite(embeddings).all()))
"""


@pytest.mark.slow
def test_three_hours_need_less_than_a_gigabyte_beside_the_audio():
    """A 3-hour recording (691 MB of samples) gives all its frames, undrifted, in under 1 GB of extra memory."""
    done = subprocess.run([sys.executable, "-c", THREE_HOURS], capture_output=True, text=True, check=True)
    extra, n_frames, last, finite = done.stdout.split()
    assert float(extra) < 1000  # MB
    assert int(n_frames) == (3 * 3600 * 16000 - 200) // 320 + 1
    assert abs(float(last) - (12.5 + 20 * (int(n_frames) - 1))) <= 0.5  # ms, the spacing of float32 there
    assert finite == "True"
