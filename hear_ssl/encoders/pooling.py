"""Mean and standard deviation over time, collected window by window so that no clip's frames are kept."""

import torch


class Moments:
    """Running mean and standard deviation over the frames of each clip, for each layer.

    Sums are kept in float64 (float32 on devices without it), so that neither a recording's length nor the way it
    was cut in windows shows in the result.
    """

    def __init__(self, n_clips: int, n_layers: int, width: int, device: torch.device):
        dtype = torch.float32 if device.type == "mps" else torch.float64
        self.n_frames = torch.zeros(n_layers, n_clips, 1, device=device, dtype=dtype)
        self.total = torch.zeros(n_layers, n_clips, width, device=device, dtype=dtype)
        self.squares = torch.zeros_like(self.total)
        # Of the batch in hand: its weights, and mean and squares of each layer. Layers are summed up together, since a GPU
        # takes as long to start on a small tensor as on a large one.
        self._batch: tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor] | None = None
        self._layers: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def add(self, layer: int, frames: torch.Tensor, keep: torch.Tensor, clips: torch.Tensor) -> None:
        """Take in the kept frames of a batch of windows, of each layer once; another `keep` begins another batch.

        Args:
            layer: Row that these frames belong to.
            frames: (batch, n_frames, width), float32.
            keep: (batch, n_frames), 1 for frames that count and 0 for padding and context.
            clips: (batch,), the clip that each window was cut from.
        """
        if self._batch is None or self._batch[0] is not keep:
            self.sum_up()
            weight = keep.unsqueeze(-1).to(frames.dtype)
            self._batch = keep, weight, weight.sum(dim=1, keepdim=True).clamp(min=1), clips
        _, weight, n, _ = self._batch
        mean = (frames * weight).sum(dim=1, keepdim=True) / n
        # Squares about the window's own mean first: sums of raw squares would lose digits where the mean is large.
        self._layers[layer] = mean, ((frames - mean).square() * weight).sum(dim=1, keepdim=True)

    def drop(self, keep: torch.Tensor) -> None:
        """Forget what came with this `keep`, a batch that could not be finished; those before it count."""
        if self._batch is not None and self._batch[0] is keep:
            self._batch, self._layers = None, {}

    def sum_up(self) -> None:
        """Add what was taken in of a batch, all of its layers at once."""
        if self._batch is None:
            return
        keep, weight, _, clips = self._batch
        n = weight.sum(dim=1).to(self.total.dtype)  # (batch, 1)
        mean, squares = (
            torch.stack(values).squeeze(2).to(self.total.dtype) for values in zip(*self._layers.values(), strict=True)
        )  # (n_layers, batch, width)
        total = n * mean
        layers = list(self._layers)
        for sums, new in (
            (self.n_frames, n.expand(len(layers), -1, -1)),
            (self.total, total),
            (self.squares, squares + total * mean),
        ):
            if layers == list(range(len(sums))):
                sums.index_add_(1, clips, new)
            else:
                sums[layers] = sums[layers].index_add_(1, clips, new)
        self.drop(keep)

    def mean(self) -> torch.Tensor:
        """Mean over the frames of each clip, (n_clips, n_layers, width), float32."""
        self.sum_up()
        return (self.total / self.n_frames).transpose(0, 1).float()

    def std(self) -> torch.Tensor:
        """Sample standard deviation (ddof 1) over the frames of each clip, (n_clips, n_layers, width), float32.

        That of a single frame is 0, not NaN.
        """
        self.sum_up()
        squares = (self.squares - self.total.square() / self.n_frames).clamp(min=0)
        return (squares / (self.n_frames - 1).clamp(min=1)).sqrt().transpose(0, 1).float()
