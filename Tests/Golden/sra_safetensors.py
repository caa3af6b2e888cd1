"""Writes Tests/Golden/sra_tiny.safetensors with Hugging Face's own library.

    pip install numpy safetensors; python3 Tests/Golden/sra_safetensors.py Tests/Golden
    python3 Tests/Golden/sra_safetensors.py --check FILE    prints what FILE holds, as JSON
"""

import json
import sys

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

if sys.argv[1] == "--check":
    with safe_open(sys.argv[2], "np") as file:
        tensors = {
            name: {
                "dtype": str(file.get_tensor(name).dtype),
                "shape": list(file.get_tensor(name).shape),
                "values": [float(x) for x in file.get_tensor(name).flatten()],
            }
            for name in sorted(file.keys())
        }
        print(json.dumps({"metadata": file.metadata(), "tensors": tensors}, sort_keys=True))
else:
    save_file(
        {
            "half": np.array([0.5, -2, 65504], np.float16),
            "count": np.array([-1, 2**62], np.int64),
            "encoder.bias": np.array([1.5, -0.25, 3e-5], np.float32),
            "encoder.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
            "none": np.zeros((0, 4), np.float32),
        },
        f"{sys.argv[1]}/sra_tiny.safetensors",
        {"trained": "false", "text": 'quote " slash \\ \u00e9\n'},
    )
