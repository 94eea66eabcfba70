"""Downloads a list with img2dataset.

Standalone: `python img2dataset_run.py LIST OUT SIDE QUALITY PROCESSES THREADS`. It prints the
seconds of the call.
"""

import json
import sys
import time

from img2dataset import download


def main(pairs: str, out: str, side: str, quality: str, processes: str, threads: str) -> None:
    """Downloads into WebDataset tars."""
    start = time.perf_counter()
    download(
        url_list=pairs,
        input_format="parquet",
        url_col="url",
        caption_col="text",
        output_folder=out,
        output_format="webdataset",
        processes_count=int(processes),
        thread_count=int(threads),
        image_size=int(side),
        resize_mode="keep_ratio",
        resize_only_if_bigger=True,
        encode_format="jpg",
        encode_quality=int(quality),
        number_sample_per_shard=1000,
        enable_wandb=False,
    )
    print(json.dumps({"seconds": time.perf_counter() - start}))


if __name__ == "__main__":
    main(*sys.argv[1:])
