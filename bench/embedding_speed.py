"""How fast clips are embedded: ours against a plain transformers loop, one clip at a time.

Same network (HuBERT base with random weights, or any folder in the hub's format), same clips (cut from noise, of
lengths drawn between --shortest and --longest seconds, seeded), one process, the two in turn; prints seconds of audio
per second of each and their ratio (median over rounds). Both give the mean over time of every layer.

    python bench/embedding_speed.py [--clips 64] [--rounds 3] [--device cpu] [--layers 12] [--model FOLDER]
"""

import argparse
import statistics
import time

import torch

from hear_ssl.encoders import api, hub, weights
from hear_ssl.encoders.transformer import TransformerEncoder


def plain_loop(network: torch.nn.Module, clips: list[torch.Tensor]) -> torch.Tensor:
    """The straightforward way: a forward pass per clip, all hidden states kept, then averaged."""
    rows = []
    with torch.no_grad():
        for clip in clips:
            audio = (clip - clip.mean()) / torch.sqrt(clip.var(correction=0) + 1e-7)
            states = network(audio.unsqueeze(0), output_hidden_states=True).hidden_states
            rows.append(torch.stack([state[0].mean(dim=0) for state in states]))
    return torch.stack(rows)


def timed(call, device: str) -> tuple[float, torch.Tensor]:
    """Seconds that a call takes, the device's queue included, and its result."""
    wait = torch.cuda.synchronize if device.startswith("cuda") else (lambda: None)
    wait()
    started = time.perf_counter()
    result = call()
    wait()
    return time.perf_counter() - started, result


def main() -> None:
    """Parse the arguments, run the rounds, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=64)
    parser.add_argument("--shortest", type=float, default=0.5)
    parser.add_argument("--longest", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--model", default="")
    settings = parser.parse_args()
    torch.manual_seed(0)
    if settings.model:
        network = hub.load_transformer(hub.Files(settings.model))
    else:
        with weights.quiet_transformers() as transformers:
            network = transformers.HubertModel(transformers.HubertConfig(num_hidden_layers=settings.layers))
    network = network.to(settings.device).eval()
    model = api.Model(TransformerEncoder(network, normalize=True))
    lengths = torch.empty(settings.clips).uniform_(settings.shortest, settings.longest) * 16000
    clips = [torch.randn(int(n), device=settings.device) * 0.1 for n in lengths]
    audio = sum(map(len, clips)) / 16000
    plain_loop(network, clips[:2])
    api.get_clip_embeddings(clips[:2], model)
    loop, ours = [], []
    for _ in range(settings.rounds):
        seconds, wanted = timed(lambda: plain_loop(network, clips), settings.device)
        loop.append(seconds)
        seconds, result = timed(lambda: api.get_clip_embeddings(clips, model), settings.device)
        ours.append(seconds)
    inner = slice(0, -1)  # the last state differs for pre-norm encoders: transformers 5 lists it before its norm
    difference = (result["layers_mean"][:, inner] - wanted[:, inner]).abs().max() / wanted[
        :, inner
    ].square().mean().sqrt()
    print(f"{settings.clips} clips, {audio:.0f} s of audio, {settings.device}, {torch.get_num_threads()} threads")
    print(f"plain loop  {audio / statistics.median(loop):8.1f} s of audio per second")
    print(f"hear_ssl    {audio / statistics.median(ours):8.1f} s of audio per second")
    ratio = statistics.median(a / b for a, b in zip(loop, ours, strict=True))
    print(f"ratio       {ratio:8.2f}   (largest difference {difference:.1e} of the RMS)")


if __name__ == "__main__":
    main()
