"""Images as networks take them, and their outputs as images."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def as_input(images: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Images uint8 (n, s, s, 3) as float32 (n, 3, s, s) in -1..1."""
    pixels = torch.from_numpy(images).to(device).permute(0, 3, 1, 2)
    return pixels.to(torch.float32, memory_format=torch.contiguous_format).div_(127.5).sub_(1)


def as_images(outputs: Tensor) -> NDArray[np.uint8]:
    """Outputs float32 (n, 3, s, s) in -1..1 as uint8 (n, s, s, 3)."""
    pixels = ((outputs + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    images: NDArray[np.uint8] = pixels.permute(0, 2, 3, 1).cpu().numpy()
    return images
