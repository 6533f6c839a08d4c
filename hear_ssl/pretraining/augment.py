"""What BYOL-A does to a window before the two networks see it; whole batches at once, drawn from a generator.

Spectrograms are normalised log-mel, (batch, n_bands, n_frames), float32. Each function gives a new one.

Source: Niizumi et al. 2023, https://arxiv.org/abs/2204.07402; numbers in recipe.py. Where our sources are silent it is a
guess: shares, sides, places and the fader's two ends are evenly spread, and the window lies in the canvas's middle.
"""

import torch

from hear_ssl.pretraining.recipe import PretrainingRecipe


def uniform(n: int, low: float, high: float, generator: torch.Generator) -> torch.Tensor:
    """Numbers evenly spread over [low, high), shape (n,), float32."""
    return low + (high - low) * torch.rand(n, generator=generator)


class Memory:
    """The last `size` windows that went by, first in, first out.

    Attributes:
        windows: Shape (size, n_bands, n_frames); rows from `filled` on mean nothing yet.
        filled: How many there are.
        following: Row that the next one takes.
    """

    def __init__(self, size: int, n_bands: int, n_frames: int, device: torch.device):
        self.windows = torch.zeros(size, n_bands, n_frames, device=device)
        self.filled = self.following = 0

    def push(self, x: torch.Tensor) -> None:
        """Take in a batch; the oldest go."""
        size = len(self.windows)
        x = x[-size:]
        rows = (self.following + torch.arange(len(x), device=x.device)) % size
        self.windows[rows] = x
        self.following = (self.following + len(x)) % size
        self.filled = min(size, self.filled + len(x))

    def draw(self, n: int, generator: torch.Generator) -> torch.Tensor:
        """`n` windows, each equally likely."""
        rows = torch.randint(self.filled, (n,), generator=generator)
        return self.windows[rows.to(self.windows.device)]


def mixup(x: torch.Tensor, memory: Memory, max_share: float, generator: torch.Generator) -> torch.Tensor:
    """Each window (batch, n_bands, n_frames) with a faint older one behind it, added outside the logarithm.

    The older one has a share from 0 to `max_share`. The numbers are normalised, so "outside" is power to the inverse of
    the standard deviation, as in the original.
    """
    if not memory.filled or not max_share:
        return x
    share = uniform(len(x), 0, max_share, generator).to(x.device)[:, None, None]
    older = memory.draw(len(x), generator)
    return torch.logaddexp(x + torch.log1p(-share), older + torch.log(share.clamp(min=1e-12)))


def _cubic(distance: torch.Tensor) -> torch.Tensor:
    """Weights of the cubic convolution kernel with a = -0.75, the one of `torch.nn.functional.interpolate`.

    Source: Keys 1981, Cubic convolution interpolation for digital image processing, equation 15.
    """
    a, d = -0.75, distance.abs()
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return torch.where(d <= 1, near, torch.where(d < 2, far, 0.0))


def stretching(start: torch.Tensor, length: torch.Tensor, n: int, before: int) -> torch.Tensor:
    """Matrices that cut [start, start + length) out of a canvas and stretch it to `n` points, corners aligned.

    Args:
        start, length: Of each crop in points of the canvas, (batch,), integers.
        n: Points of the window, which are also those of the result.
        before: Empty points of the canvas before the window.

    Returns:
        (batch, n, n): what each point of the result takes from each point of the window.
    """
    position = start[:, None] + torch.arange(n) * ((length[:, None] - 1) / max(n - 1, 1))
    left = position.floor().long()
    matrix = torch.zeros(len(start), n, n)
    first, last = start[:, None], (start + length - 1)[:, None]
    for tap in (-1, 0, 1, 2):
        weight = _cubic(position - (left + tap))
        point = (left + tap).clamp(first, last) - before  # the crop's edge goes on beyond it
        inside = (point >= 0) & (point < n)  # the canvas around the window is empty
        matrix.scatter_add_(2, point.clamp(0, n - 1)[..., None], (weight * inside)[..., None])
    return matrix


def resize_crop(
    x: torch.Tensor, crop: tuple[float, float], canvas: tuple[float, float], generator: torch.Generator
) -> torch.Tensor:
    """A random rectangle of a canvas of zeros in whose middle the window lies, stretched to the window's size.

    Args:
        x: Windows, (batch, n_bands, n_frames).
        crop: Smallest and largest side of the rectangle, as a share of the window's.
        canvas: Extent in frequency and time, as a share of the window's.
        generator: Draws sides and positions.
    """
    stretched = []
    for n, extent in zip(x.shape[1:], canvas, strict=True):
        n_canvas = int(n * extent)
        length = (uniform(len(x), *crop, generator) * n).int().clamp(1, n_canvas)
        start = (torch.rand(len(x), generator=generator) * (n_canvas - length + 1)).int()
        stretched.append(stretching(start, length, n, (n_canvas - n) // 2).to(x.device))
    return stretched[0] @ x @ stretched[1].transpose(1, 2)


def linear_fader(x: torch.Tensor, gain: float, generator: torch.Generator) -> torch.Tensor:
    """A straight slope over the frames is added: from one random height in [-gain, gain) to another."""
    if not gain:
        return x
    start, end = (uniform(len(x), -gain, gain, generator).to(x.device)[:, None, None] for _ in range(2))
    return x + start + (end - start) * torch.linspace(0, 1, x.shape[2], device=x.device)


def view(x: torch.Tensor, memory: Memory, recipe: PretrainingRecipe, generator: torch.Generator) -> torch.Tensor:
    """One of the two views of each window, (batch, n_bands, n_frames)."""
    x = mixup(x, memory, recipe.mixup, generator)
    x = resize_crop(x, recipe.crop, recipe.canvas, generator)
    return linear_fader(x, recipe.fader, generator)


def normalise_batch(x: torch.Tensor) -> torch.Tensor:
    """All windows of the batch, (batch, n_bands, n_frames), with zero mean and unit standard deviation over all of it."""
    return (x - x.mean()) / x.std().clamp(min=torch.finfo(torch.float32).eps)


class Statistics:
    """Mean and standard deviation of all log-mel values that were added.

    Attributes:
        sums: Number, sum and sum of squares, shape (3,), float64.
    """

    def __init__(self) -> None:
        self.sums = torch.zeros(3, dtype=torch.float64)

    @staticmethod
    def of(x: torch.Tensor) -> torch.Tensor:
        """The three sums of a batch."""
        x = x.double()
        return torch.stack([torch.tensor(float(x.numel()), dtype=x.dtype, device=x.device), x.sum(), x.square().sum()])

    def add(self, sums: torch.Tensor) -> None:
        """Take in the three sums of more values."""
        self.sums += sums.cpu()

    def mean_std(self) -> tuple[float, float]:
        """Mean and standard deviation (ddof 1)."""
        n, total, squares = self.sums.tolist()
        mean = total / n
        variance = max((squares - n * mean * mean) / max(n - 1, 1), 0.0)
        return mean, max(variance**0.5, torch.finfo(torch.float32).eps)
