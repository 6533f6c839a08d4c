"""A learned query that attends to the frames of each clip, and a linear layer on what it gathers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluator.errors import EvaluationError
from evaluator.probes.jobs import FitRequest, Outcomes, ProbeJob, ProbeOutcome, Setting
from evaluator.probes.kind import ProbeKind
from evaluator.schema import Field
from evaluator.scoring import metrics


@dataclass(frozen=True)
class Attentive(ProbeKind):
    """Attention of one learned query over the frames (n_frames, width) of a clip; the epoch that is best on validation is tested.

    heads, dropout, learning_rate, weight_decay, batch_size, epochs, warmup_epochs, clip_gradients: See `attention.AttentionTraining`.
    max_frames: Of a clip that are looked at; of a longer one so many, evenly spaced.
    """

    heads: int
    dropout: float
    learning_rate: float
    weight_decay: float
    batch_size: int
    epochs: int
    warmup_epochs: int
    clip_gradients: float
    max_frames: int

    SEEDED = True
    READS_FRAMES = True
    FIELDS = {  # noqa: RUF012 (a class variable of ProbeKind)
        "heads": Field(
            int, min=1, meaning="Heads of the attention; if they do not divide the width, the largest divisor of both."
        ),
        "dropout": Field(float, min=0, max=0.99, meaning="Share of what is gathered that is dropped in training."),
        "learning_rate": Field(float, min=1e-12, max=1e3, meaning="Highest learning rate of AdamW."),
        "weight_decay": Field(float, min=0, max=1e3, meaning="Weight decay of AdamW."),
        "batch_size": Field(int, min=1, meaning="Clips a batch."),
        "epochs": Field(int, min=1, meaning="Passes through the training clips."),
        "warmup_epochs": Field(int, min=0, meaning="Epochs over which the rate rises; then it falls as half a cosine."),
        "clip_gradients": Field(float, min=1e-6, meaning="Length to which longer gradients are cut."),
        "max_frames": Field(
            int, min=1, meaning="Frames of a clip that are looked at; of a longer one so many, evenly spaced."
        ),
    }

    def n_steps(self, jobs: Sequence[ProbeJob]) -> int:
        """An epoch of a job each."""
        return len(jobs) * self.epochs

    def fit(self, request: FitRequest) -> list[Outcomes]:
        """Each job with the weights of its best epoch.

        Raises:
            UsageError: There is no such device.
            EvaluationError: A job has no training clip, or its training diverges.
        """
        from evaluator.probes.training import pick_device

        device = pick_device(request.device)
        return [{Setting(): [self._trained(job, request, device)]} for job in request.jobs]

    def _trained(self, job: ProbeJob, request: FitRequest, device: str) -> ProbeOutcome:
        import torch

        from evaluator.probes.attention import AttentionTraining, FramesOf

        targets = request.targets
        if not len(job.train):
            raise EvaluationError("a probe's train part has 0 clips; this protocol needs some there")
        names = [name for name in self.FIELDS if name != "max_frames"]
        training = AttentionTraining(**{name: getattr(self, name) for name in names})
        frames = FramesOf(request.matrices[job.features[0]], request.frames, self.max_frames)
        true = torch.from_numpy(np.asarray(targets.values, np.float32)).to(device)
        labelled = bool(targets.values[job.valid].any())
        best: ProbeOutcome | None = None
        scores: list[float] = []
        for epoch, logits in training.epochs_of(frames, job.train, true, targets.labels, job.seed):
            valid = self._probabilities(logits(job.valid), request)
            score = targets.score(job.valid, valid)[0] if labelled else float("nan")
            scores.append(score)
            better = (
                best is None
                or best.valid_score is None
                or metrics.signed(targets.metric, score) > metrics.signed(targets.metric, best.valid_score)
            )
            if better or not labelled:
                test = self._probabilities(logits(job.test), request)
                best = ProbeOutcome(test, valid, epoch, None if np.isnan(score) else score)
            request.progress(1)
        assert best is not None  # noqa: S101 (there is one epoch at least)
        if not (np.isfinite(best.test).all() and np.isfinite(best.valid).all()):
            raise EvaluationError("a probe's training diverges: the embeddings hold NaN, infinite or huge values")
        return ProbeOutcome(
            best.test,
            best.valid,
            best.chosen_epoch,
            best.valid_score,
            valid_scores=tuple(scores) if labelled else (),
            n_epochs=self.epochs,
        )

    def _probabilities(self, logits: np.ndarray, request: FitRequest) -> np.ndarray:
        import torch

        return np.asarray(request.targets.probabilities(torch.from_numpy(logits)).numpy(), np.float32)
