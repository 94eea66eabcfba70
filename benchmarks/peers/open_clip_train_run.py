"""open_clip's own trainer, one round at a time.

Standalone: `python open_clip_train_run.py SETTING.json`. Everything is `open_clip_train`'s:
arguments, towers and preprocessing, WebDataset loading, loss, schedule and `train_one_epoch`. The
optimiser follows its `main`, which has no function for it. Each line of standard input names the
data of a round (`shards`: loaded from shards; `memory`: batches in memory), and each line of output
has its seconds.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

SETTING: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
os.environ["OMP_NUM_THREADS"] = str(SETTING["threads"])

import open_clip  # noqa: E402
import torch  # noqa: E402
from open_clip_train.data import DataInfo, get_data  # noqa: E402
from open_clip_train.distributed import init_distributed_device  # noqa: E402
from open_clip_train.params import parse_args  # noqa: E402
from open_clip_train.scheduler import cosine_lr  # noqa: E402
from open_clip_train.train import train_one_epoch  # noqa: E402

# Numbers of loading processes to try; the fastest is used.
_LOADERS = (1, 2)
_MEMORY = 20


class Ready:
    """A data loader over batches in memory."""

    def __init__(self, batches: list[Any], count: int, size: int) -> None:
        self._batches, self.num_batches, self.num_samples = batches, count, count * size

    def __iter__(self) -> Any:
        """Repeats the batches for an epoch."""
        return (self._batches[n % len(self._batches)] for n in range(self.num_batches))


def arguments(loaders: int) -> Any:
    """The arguments of its command line."""
    given = {
        "--model": SETTING["name"],
        "--train-data": SETTING["shards"],
        "--train-num-samples": SETTING["steps"] * SETTING["batch"],
        "--dataset-type": "webdataset",
        "--batch-size": SETTING["batch"],
        "--workers": loaders,
        "--precision": SETTING["precision"],
        "--lr": SETTING["learning_rate"],
        "--wd": SETTING["weight_decay"],
        "--grad-clip-norm": SETTING["gradient_clip"],
        "--warmup": 10,
        "--device": SETTING["device"],
    }
    args = parse_args([str(word) for pair in given.items() for word in pair])
    init_distributed_device(args)
    args.distill, args.wandb, args.tensorboard = False, False, False
    return args


def main() -> None:
    """Sets up training as `open_clip_train.main` does, then trains in rounds."""
    torch.set_num_threads(SETTING["threads"])
    open_clip.add_model_config(SETTING["configs"])
    args = arguments(_LOADERS[0])
    model, *preprocess = open_clip.create_model_and_transforms(
        args.model, precision=args.precision, device=torch.device(args.device), output_dict=True
    )
    optimiser = make_optimiser(model, args)
    schedule = cosine_lr(optimiser, args.lr, args.warmup, 1_000_000)
    tokenizer, loss = open_clip.get_tokenizer(args.model), open_clip.create_loss(args)
    epochs = 0

    def train(data: Any) -> float:
        nonlocal epochs
        start = time.perf_counter()
        train_one_epoch(model, {"train": data}, loss, epochs, optimiser, None, schedule, None, args)
        if args.device != "cpu":
            torch.cuda.synchronize()
        epochs += 1
        return time.perf_counter() - start

    data, loaders = {}, {}
    for count in _LOADERS:
        args = arguments(count)
        data[count] = get_data(args, preprocess, tokenizer=tokenizer)["train"]
        train(data[count])
        loaders[count] = train(data[count])
    best = min(loaders, key=lambda count: loaders[count])
    batches = [batch for _, batch in zip(range(_MEMORY), data[best].dataloader, strict=False)]
    kinds = {"shards": data[best], "memory": DataInfo(Ready(batches, SETTING["steps"], args.batch_size))}
    for other in set(data) - {best}:
        del data[other]
    print(json.dumps({"loaders": best}), flush=True)
    for line in sys.stdin:
        print(json.dumps(train(kinds[line.strip()])), flush=True)


def make_optimiser(model: Any, args: Any) -> torch.optim.AdamW:
    """The optimiser of `open_clip_train.main`."""
    still: list[torch.nn.Parameter] = []
    decayed: list[torch.nn.Parameter] = []
    for name, parameter in model.named_parameters():
        kept = parameter.ndim < 2 or "bn" in name or "ln" in name or "bias" in name or "logit_scale" in name
        (still if kept else decayed).append(parameter)
    groups = [{"params": still, "weight_decay": 0.0}, {"params": decayed, "weight_decay": args.wd}]
    return torch.optim.AdamW(groups, lr=args.lr, betas=(args.beta1, args.beta2), eps=args.eps)


if __name__ == "__main__":
    main()
