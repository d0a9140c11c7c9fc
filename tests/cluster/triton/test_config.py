"""Configurations as Triton reads them; expected values are those of Triton's documentation and of the contract."""

from __future__ import annotations

import pytest
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig, ModelInstanceGroup

from vultus.cluster.triton.config import Deployment, Platform, config_of, trtexec_of
from vultus.cluster.triton.graph import Form, Served, Tensor
from vultus.errors import DeviceUnavailable, PrecisionUnavailable
from vultus.zoo.catalogue import Catalogue

pytestmark = pytest.mark.unit

UINT8, FP32 = 2, 11  # DataType in Triton's model_config.proto


def served(rows: int = 64, precision: str = "f32") -> Served:
    return Served(
        name="net_640x384",
        model=Catalogue.load().model("scrfd_500m_bnkps"),
        graph=b"",
        input=Tensor("pixels", "uint8", (384, 640, 3)),
        outputs=(Tensor("scores", "float32", (7680, 1)), Tensor("boxes", "float32", (7680, 4))),
        max_batch_size=rows,
        sha256="ab" * 32,
        precision=precision,
    )


def config(deployment: Deployment, **given: object) -> ModelConfig:
    return text_format.Parse(config_of(served(**given), deployment), ModelConfig())  # type: ignore[arg-type]


def parameters(found: ModelConfig) -> dict[str, str]:
    return {key: value.string_value for key, value in found.parameters.items()}


def test_pixels_go_in_and_rows_come_out() -> None:
    found = config(Deployment.of("onnxruntime", "cpu", 2))
    assert (found.name, found.max_batch_size) == ("net_640x384", 64)
    assert [(each.name, each.data_type, list(each.dims)) for each in found.input] == [("pixels", UINT8, [384, 640, 3])]
    assert [(each.name, each.data_type, list(each.dims)) for each in found.output] == [
        ("scores", FP32, [7680, 1]),
        ("boxes", FP32, [7680, 4]),
    ]


@pytest.mark.parametrize(
    ("platform", "device", "expected"),
    [
        ("onnxruntime", "cpu", ("onnxruntime_onnx", "onnxruntime")),
        ("tensorrt", "cuda", ("tensorrt_plan", "tensorrt")),
        ("python", "cpu", ("", "python")),
    ],
)
def test_platforms_have_triton_s_names(platform: Platform, device: str, expected: tuple[str, str]) -> None:
    found = config(Deployment.of(platform, device))
    assert (found.platform, found.backend) == expected


def test_what_waits_makes_a_batch_at_once() -> None:
    batching = config(Deployment.of("onnxruntime", "cpu")).dynamic_batching
    assert list(batching.preferred_batch_size) == [1, 2, 4, 8, 16, 32, 64]
    assert batching.max_queue_delay_microseconds == 0


def test_a_request_s_deadline_counts_in_the_queue() -> None:
    policy = config(Deployment.of("onnxruntime", "cpu")).dynamic_batching.default_queue_policy
    assert (policy.timeout_action, policy.allow_timeout_override) == (policy.REJECT, True)
    assert policy.default_timeout_microseconds == 0  # others wait as long as it takes


def test_smaller_batches_prefer_fewer_sizes() -> None:
    found = config(Deployment.of("onnxruntime", "cpu"), rows=4)
    assert list(found.dynamic_batching.preferred_batch_size) == [1, 2, 4]


def test_what_takes_one_picture_has_no_batches() -> None:
    found = config(Deployment.of("onnxruntime", "cuda"), rows=0)
    assert found.max_batch_size == 0
    assert not found.HasField("dynamic_batching")
    assert [each.batch_size for each in found.model_warmup] == [1]


def test_there_is_one_version() -> None:
    assert config(Deployment.of("python", "cpu")).version_policy.latest.num_versions == 1


def test_instances_are_on_the_processor() -> None:
    (group,) = config(Deployment.of("onnxruntime", "cpu", 3)).instance_group
    assert (group.kind, group.count, list(group.gpus)) == (ModelInstanceGroup.KIND_CPU, 3, [])


def test_instances_are_on_the_gpu_that_was_named() -> None:
    (group,) = config(Deployment.of("onnxruntime", "cuda:1")).instance_group
    assert (group.kind, group.count, list(group.gpus)) == (ModelInstanceGroup.KIND_GPU, 1, [1])


def test_each_instance_on_the_processor_has_one_thread() -> None:
    found = parameters(config(Deployment.of("onnxruntime", "cpu")))
    assert (found["intra_op_thread_count"], found["inter_op_thread_count"]) == ("1", "1")


def test_a_client_can_tell_which_weights_they_are() -> None:
    found = parameters(config(Deployment.of("onnxruntime", "cuda"), precision="fp16"))
    assert (found["sha256"], found["precision"]) == ("ab" * 32, "fp16")
    assert found["licence"] == "InsightFace: non-commercial research"


def test_a_model_in_python_is_told_its_engine() -> None:
    assert parameters(config(Deployment.of("python", "cpu", engine="onnxruntime")))["engine"] == "onnxruntime"


def test_a_processor_is_warmed_up_with_one_black_picture() -> None:
    (warm_up,) = config(Deployment.of("python", "cpu")).model_warmup
    pixels = warm_up.inputs["pixels"]
    assert (warm_up.batch_size, list(pixels.dims), pixels.data_type, pixels.zero_data) == (
        1,
        [384, 640, 3],
        UINT8,
        True,
    )


def test_a_gpu_is_warmed_up_with_every_size_of_a_batch() -> None:
    found = config(Deployment.of("onnxruntime", "cuda"), rows=8)
    assert [each.batch_size for each in found.model_warmup] == [1, 2, 4, 8]


def test_cuda_computes_f32_as_f32() -> None:
    (used,) = config(Deployment.of("onnxruntime", "cuda")).optimization.execution_accelerators.gpu_execution_accelerator
    assert (used.name, dict(used.parameters)) == ("cuda", {"use_tf32": "0"})


@pytest.mark.parametrize(("precision", "mode"), [("f32", "FP32"), ("fp16", "FP16")])
def test_onnx_runtime_may_hand_graphs_to_tensorrt(precision: str, mode: str) -> None:
    found = config(Deployment.of("onnxruntime", "tensorrt:0"), precision=precision)
    (used,) = found.optimization.execution_accelerators.gpu_execution_accelerator
    assert used.name == "tensorrt"
    assert dict(used.parameters) == {
        "precision_mode": mode,
        "trt_profile_min_shapes": "pixels:1x384x640x3",
        "trt_profile_opt_shapes": "pixels:8x384x640x3",
        "trt_profile_max_shapes": "pixels:64x384x640x3",
    }


def test_a_processor_needs_no_accelerator() -> None:
    assert not config(Deployment.of("onnxruntime", "cpu")).HasField("optimization")


def test_trtexec_is_told_files_shapes_and_precision() -> None:
    assert trtexec_of(served(precision="fp16")).split() == [
        "--onnx=net_640x384/1/model.onnx",
        "--saveEngine=net_640x384/1/model.plan",
        "--minShapes=pixels:1x384x640x3",
        "--optShapes=pixels:8x384x640x3",
        "--maxShapes=pixels:64x384x640x3",
        "--fp16",
    ]


def test_trtexec_finds_the_shapes_of_a_graph_without_batches_itself() -> None:
    assert "Shapes" not in trtexec_of(served(rows=0))


@pytest.mark.parametrize(
    ("platform", "device"), [("tensorrt", "cpu"), ("python", "cuda"), ("onnxruntime", "npu"), ("onnxruntime", "cuda:x")]
)
def test_a_device_that_a_platform_does_not_compute_on_is_refused(platform: Platform, device: str) -> None:
    with pytest.raises(DeviceUnavailable, match="set device to"):
        Deployment.of(platform, device)


@pytest.mark.parametrize(
    ("device", "precision"), [("cpu", "fp16"), ("cpu", "bf16"), ("cuda", "int8"), ("cuda", "bf16")]
)
def test_a_precision_that_is_not_computed_in_is_refused(device: str, precision: str) -> None:
    with pytest.raises(PrecisionUnavailable, match=precision):
        Deployment.of("onnxruntime", device).form(precision, 64)


@pytest.mark.parametrize(
    ("platform", "device", "precision", "form"),
    [
        ("onnxruntime", "cpu", "auto", Form(64, "f32")),
        ("onnxruntime", "cpu", "int8", Form(64, "int8")),
        ("onnxruntime", "cuda", "fp16", Form(64, "fp16", halve=True)),
        ("onnxruntime", "tensorrt", "fp16", Form(64, "fp16")),
        ("tensorrt", "cuda", "fp16", Form(64, "fp16")),
        ("python", "cpu", "f32", Form(64, "f32", single=True)),
    ],
)
def test_graphs_are_as_what_computes_them_needs(platform: Platform, device: str, precision: str, form: Form) -> None:
    assert Deployment.of(platform, device).form(precision, 64) == form
