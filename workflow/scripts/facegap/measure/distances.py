"""Distances between sets of faces, from the features that a network has of each.

With Inception's weights (as torch-fidelity has them) they are the FID and the KID; with the study's
own classifier they have other names, since their values are on other scales.
"""

import pickle
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from facegap.errors import DataError

CHUNK = 64  # images at a time
Features = NDArray[np.float64]  # (n, d)


def inception_features(images: NDArray[np.uint8], weights: Path, device: torch.device) -> Features:
    """Inception's 2048 pooled features of images uint8 (n, s, s, 3), float64 (n, 2048).

    `weights` is torch-fidelity's conversion of the FID's original network.
    """
    # loads torchvision, which a study without these weights does not need
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    try:  # torch-fidelity unpickles any file: first see that it holds weights alone
        torch.load(weights, map_location="cpu", weights_only=True)
        network = FeatureExtractorInceptionV3("inception", ["2048"], str(weights)).to(device)
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        raise DataError(f"{weights}: not readable as Inception's weights: {error}") from error
    features = []
    with torch.no_grad():
        for start in range(0, len(images), CHUNK):
            part = torch.from_numpy(np.array(images[start : start + CHUNK])).permute(0, 3, 1, 2)
            features.append(network(part.to(device))[0].cpu().double().numpy())
    return np.concatenate(features)


def frechet_distance(one: Features, other: Features) -> float:
    """Between normal distributions of the two sets' (n, d) means and covariances.

    Dowson and Landau 1982, as in the FID (Heusel et al. 2017). The trace of the root of a product
    of covariances is the nuclear norm of the product of the centred features.
    """
    apart = one.mean(0) - other.mean(0)
    first = (one - one.mean(0)) / (len(one) - 1) ** 0.5
    second = (other - other.mean(0)) / (len(other) - 1) ** 0.5
    if len(one) < one.shape[1]:
        common = np.linalg.svd(first @ second.T, compute_uv=False).sum()
    else:
        product = (first.T @ first) @ (second.T @ second)
        common = np.sqrt(np.linalg.eigvals(product).real.clip(min=0)).sum()
    value = apart @ apart + (first**2).sum() + (second**2).sum() - 2 * common
    return max(float(value), 0.0)


def kernel_distance(one: Features, other: Features) -> float:
    """Unbiased squared maximum mean discrepancy with the kernel (x y / d + 1)^3.

    The KID (Binkowski et al. 2018) over whole sets; it may be a little below zero.
    """

    def kernel(x: Features, y: Features) -> NDArray[np.float64]:
        values: NDArray[np.float64] = (x @ y.T / x.shape[1] + 1) ** 3
        return values

    def within(x: Features) -> float:
        values = kernel(x, x)
        return float(values.sum() - np.trace(values)) / (len(x) * (len(x) - 1))

    return within(one) + within(other) - 2 * float(kernel(one, other).mean())
