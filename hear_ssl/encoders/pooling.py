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

    def add(self, layer: int, frames: torch.Tensor, keep: torch.Tensor, clips: torch.Tensor) -> None:
        """Take in the kept frames of a batch of windows.

        Args:
            layer: Row that these frames belong to.
            frames: (batch, n_frames, width), float32.
            keep: (batch, n_frames), 1 for frames that count and 0 for padding and context.
            clips: (batch,), the clip that each window was cut from.
        """
        weight = keep.unsqueeze(-1).to(frames.dtype)
        n = weight.sum(dim=1)
        mean = (frames * weight).sum(dim=1) / n.clamp(min=1)
        # Squares about the window's own mean first: sums of raw squares would lose digits where the mean is large.
        squares = ((frames - mean.unsqueeze(1)).square() * weight).sum(dim=1)
        n, mean, squares = (x.to(self.total.dtype) for x in (n, mean, squares))
        self.n_frames[layer].index_add_(0, clips, n)
        self.total[layer].index_add_(0, clips, n * mean)
        self.squares[layer].index_add_(0, clips, squares + n * mean.square())

    def mean(self) -> torch.Tensor:
        """Mean over the frames of each clip, (n_clips, n_layers, width), float32."""
        return (self.total / self.n_frames).transpose(0, 1).float()

    def std(self) -> torch.Tensor:
        """Sample standard deviation (ddof 1) over the frames of each clip, (n_clips, n_layers, width), float32.

        That of a single frame is 0, not NaN.
        """
        squares = (self.squares - self.total.square() / self.n_frames).clamp(min=0)
        return (squares / (self.n_frames - 1).clamp(min=1)).sqrt().transpose(0, 1).float()
