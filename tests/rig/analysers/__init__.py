import os

# As rig.analysers.saleae_api does, and before any test imports gRPC.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
