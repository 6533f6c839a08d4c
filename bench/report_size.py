"""How large a report is, how long it takes to make and to open: python bench/report_size.py [--modules 100] [--tasks 50].

Makes results of noise that is a little right, reports them, and prints size, seconds of processor time and peak memory; then opens the page in
Chromium, if it and playwright are here, and prints the time until it is loaded and shown. Goals: 20 MB, 60 s, 3 s.
"""

import argparse
import resource
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

from evaluator.report.build import ReportOptions, build
from evaluator.results.caveats import Caveat
from evaluator.results.on_disk import write
from evaluator.results.result import CurvePoint, FoldResult, Result
from evaluator.scoring import intervals, metrics

N_CLIPS, N_LAYERS = 400, 13


def result(module: int, task: int, n_classes: int) -> Result:
    """One module's answers on one task; the higher its number, the more often it is right."""
    random = np.random.default_rng((1, task))
    true = np.eye(n_classes, dtype=np.float32)[random.integers(n_classes, size=N_CLIPS)]
    own = np.random.default_rng((2, module, task))
    probabilities = own.random((1, N_CLIPS, n_classes)) + true * (0.3 + 0.006 * module)
    probabilities = (probabilities / probabilities.sum(axis=2, keepdims=True)).astype(np.float32)
    score = intervals.mean_score([(true, probabilities)], "accuracy", intervals.POOLED)
    curve = [
        CurvePoint(
            f"layer {n}",
            score * (0.8 + 0.015 * n),
            score * 0.7,
            score * 1.05,
            score,
            None,
            features=f"layer {n}",
            layer=n,
        )
        for n in range(N_LAYERS)
    ]
    return Result(
        module=f"models.family_{module // 10}.variant_{module % 10}",
        weights="",
        options={"layer": module % 12},
        task=f"suite_{task // 10}/task_{task:02}",
        dataset=f"task_{task:02}",
        protocol="sarkar",
        profile="clean",
        metric="accuracy",
        score=score,
        ci_low=max(0.0, score - 0.05),
        ci_high=min(1.0, score + 0.05),
        seeds=[0],
        seed_scores=[score],
        std=None,
        scores={"uar": score},
        chosen="layer 12",
        curve=curve,
        folds=[FoldResult("test", score, 1200, 200, N_CLIPS, 20, score, "layer 12", point=12)],
        n_clips=1800,
        n_failed=2,
        n_silent=0,
        failed={"broken_1.wav": "no audio in it", f"broken_{module}.wav": "cannot be decoded"},
        notes=["layer 12 was chosen by its validation score; the curve has all layers"],
        classes=[f"class number {n}" for n in range(n_classes)],
        confusion=metrics.confusion([(true, probabilities)]),
        seconds={"embed": 100.0 + module, "train": 20.0},
        provenance={
            "protocol_says": "a small MLP on mean and standard deviation of every layer",
            "protocol_differs": "The weights with the best validation score are tested.",
            "module": {"sample_rate": 16000, "device": "cpu", "weights_sha256": f"{module:064x}"},
            "manifest_sha256": f"{task:064x}",
            "seed": 0,
            "seeded": True,
        },
        environment={
            "started": "2026-11-21T11:00:00+00:00",
            "command": ["run", f"models.family_{module // 10}", "--task", f"task_{task}", "--seed", "0"],
            "packages": {"torch": "2.13.0", "numpy": "2.4.6"},
        },
        test_clips=[[f"recordings/{task}/clip_{n:04}.wav" for n in range(N_CLIPS)]],
        test_groups=[[f"site {n % 20}" for n in range(N_CLIPS)]],
        test_seconds=[random.uniform(0.1, 10, N_CLIPS).astype(np.float32)],
        test_targets=[true],
        test_probabilities=[probabilities],
        test_events=[],
        caveats=[Caveat("few_groups", "20 sites only")] if module % 4 == 0 else [],
    )


def opened(page: Path) -> str:
    """How long Chromium takes until the page is loaded and painted, and until its last section is shown."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return "not opened: playwright is not installed"
    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    if not browser_path:
        return "not opened: there is no Chromium here"
    with sync_playwright() as started:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
        browser = started.chromium.launch(executable_path=browser_path, args=arguments)
        shown = browser.new_page()
        begun = time.perf_counter()
        shown.goto(page.as_uri(), wait_until="load")
        shown.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        loaded = time.perf_counter() - begun
        begun = time.perf_counter()
        shown.locator("details.whole").evaluate_all("(all) => all.forEach((each) => { each.open = true; })")  # folded
        shown.locator("section.task h2").last.evaluate("(each) => each.scrollIntoView()")
        shown.locator("section.task").last.locator("th .dt-column-order").first.wait_for(state="attached")
        jumped = time.perf_counter() - begun
        browser.close()
    return f"opened in {loaded:.2f} s; the last section shown and sortable after {jumped:.2f} s more"


def main() -> None:
    """Make, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--modules", type=int, default=100)
    parser.add_argument("--tasks", type=int, default=50)
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--keep", type=Path, help="where the page goes (default: nowhere)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for task in range(options.tasks):
            for module in range(options.modules):
                write(result(module, task, options.classes), Path(folder) / "results")
        page = options.keep or Path(folder) / "report.html"
        begun = time.process_time()
        report = build([Path(folder) / "results"], ReportOptions(page))
        took = time.process_time() - begun
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{options.modules} modules x {options.tasks} tasks: {page.stat().st_size / 1e6:.1f} MB in {took:.0f} s, {peak:.0f} MiB"
        )
        print(f"{len(report.problems)} problems; {opened(page)}")


if __name__ == "__main__":
    main()
