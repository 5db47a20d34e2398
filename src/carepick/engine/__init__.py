"""Text in, scores out: tokenizer, model session, bundle layout. Knows no medicine."""

import os

# On import, ONNX Runtime (1.32 on Linux) would keep a device id in the home folder and send usage events to its maker.
# A server for health data talks to nobody: this must be said before the first import of onnxruntime.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
