"""Makes an installed torchaudio or torchvision that cannot be imported harmless to `transformers`.

transformers imports both whenever their packages are present; a build for another torch or CUDA then breaks every
speech model with a misleading error. pip installs such pairs without a word.
"""

import importlib
import importlib.util
import sys
import warnings


def hide_broken(names: tuple[str, ...] = ("torchaudio", "torchvision")) -> list[str]:
    """Let each package that is present but cannot be imported count as absent, in this process.

    Must run before `transformers` first looks for them: it remembers the answer. Does nothing for a package that is
    healthy, absent or already imported.

    Returns:
        The names that were hidden; a warning says why and what to do.
    """
    hidden = []
    for name in names:
        if name in sys.modules or importlib.util.find_spec(name) is None:
            continue
        try:
            importlib.import_module(name)
        except (ImportError, OSError, RuntimeError, AttributeError) as error:
            for loaded in [key for key in sys.modules if key == name or key.startswith(f"{name}.")]:
                del sys.modules[loaded]
            sys.modules[name] = None  # type: ignore[assignment]  # the import system's own sign for "not there"
            hidden.append(name)
            reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            warnings.warn(
                f"{name} is installed but cannot be imported beside this torch ({reason}). hear_ssl works without it; "
                f"to silence this, run `pip uninstall {name}` or install the {name} built for your torch.",
                stacklevel=2,
            )
    return hidden
