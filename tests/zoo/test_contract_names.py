"""Every network that the projects whose places Vultus takes know by name is known here by that name."""

from __future__ import annotations

import pytest

from vultus.zoo.catalogue import Catalogue

pytestmark = pytest.mark.unit

INSIGHTFACE_REST = {
    "detection": (
        "scrfd_500m_bnkps scrfd_2.5g_bnkps scrfd_10g_bnkps scrfd_500m_gnkps scrfd_2.5g_gnkps scrfd_10g_gnkps "
        "scrfd_10g_gnkps_norm yolov5l-face yolov5m-face yolov5s-face yolov5n-face yolov5n-0.5 retinaface_r50_v1 "
        "retinaface_mnet025_v0 retinaface_mnet025_v1 retinaface_mnet025_v2 mnet_cov2 centerface dbface"
    ),
    "embedding": (
        "glintr100 w600k_r50 w600k_mbf adaface_ir101_webface12m arcface_r100_v1 custom_rec_model "
        "r100-arcface-msfdrop75 r50-arcface-msfdrop75 glint360k_r100FC_1.0 glint360k_r100FC_0.1"
    ),
    "attributes": "genderage_v1 mask_detector mask_detector112 coordinateReg 2d106det",
}
COMPREFACE = {
    "detection": "retinaface_mnet025_v1 retinaface_mnet025_v2 retinaface_r50_v1 mtcnn",
    "embedding": (
        "20180402-114759 20180408-102900 inception_resnetv1_casia_masked arcface_mobilefacenet arcface_r100_v1 "
        "arcface_resnet34 arcface_resnet50 arcface-r50-msfdrop75 arcface-r100-msfdrop75 "
        "arcface_mobilefacenet_casia_masked"
    ),
    "attributes": (
        "22801 21936 genderage_v1 2d106det inception_v3_on_mafa_kaggle123 mobilenet_v2_on_mafa_kaggle123 "
        "resnet18_on_mafa_kaggle123"
    ),
}
PACKS = {  # the files of buffalo_l and antelopev2, which the ArcFace API and the Triton API use
    "detection": "det_10g scrfd_10g_bnkps",
    "embedding": "w600k_r50 glintr100",
    "attributes": "genderage 1k3d68 2d106det",
}
SCRFD = {  # what InsightFace published of SCRFD besides, and what others call it
    "detection": (
        "scrfd_500m scrfd_1g scrfd_2.5g scrfd_10g scrfd_34g scrfd_500m_kps scrfd_2.5g_kps scrfd_10g_kps "
        "scrfd_34g_gnkps det_500m det_2.5g"
    )
}
NAMES = sorted(
    {
        (name, task)
        for project in (INSIGHTFACE_REST, COMPREFACE, PACKS, SCRFD)
        for task, names in project.items()
        for name in names.split()
    }
)
COEFFICIENTS = {  # CompreFace's calculators: a distance of unit vectors and how steeply the similarity falls there
    "20180402-114759": (1.1817961, 5.291995557),
    "20180408-102900": (1.1362496, 5.803152427),
    "inception_resnetv1_casia_masked": (1.1145709, 4.554903071),
    "arcface_mobilefacenet": (1.26538905, 5.552089201),
    "arcface_r100_v1": (1.23132175, 6.602259425),
    "arcface_resnet34": (1.2462842, 5.981636853),
    "arcface_resnet50": (1.2375747, 5.973354538),
    "arcface-r50-msfdrop75": (1.2350148, 7.071431642),
    "arcface-r100-msfdrop75": (1.224676, 6.322647217),
    "arcface_mobilefacenet_casia_masked": (1.22507105, 7.321198934),
}
DRIVE = {  # name or, where that is another export's, the entry of it: InsightFace-REST's md5 and Google Drive id
    "scrfd_500m_bnkps_insightface_rest": ("03fd8fe67902798b7584b1e7ff3e0f6f", "1ccagW08CyKJoeFAmL2ao7pjwr3_m_Zm1"),
    "scrfd_2.5g_bnkps": ("02710671a1af640b610b501383153868", "1yObTSsOYCJFn38uf6O6Hku-XEhK8-q0n"),
    "scrfd_10g_bnkps_insightface_rest": ("2740f9259d46355ca5fa0d9b54943524", "1llbQa8HFle-45wscZulzGcNncPFgYruJ"),
    "scrfd_500m_gnkps": ("ef4bcb0606d6e5ebf325f8322e507a7b", "19CeBV03a3DEhZeas4olZn7GgiUESDu0L"),
    "scrfd_2.5g_gnkps": ("50febd32caa699ef7a47cf7422c56bbd", "1_LeETpKhWL4sRPvLZEvka-bGNMN4tMOU"),
    "scrfd_10g_gnkps": ("1d9b64bb0e6e18d4838872c9e7efd709", "14BuXR6L73w1mwKXHPIcZlc9LYaid4Evl"),
    "scrfd_10g_gnkps_norm": (None, "1Ks7kAHxSVnE-Zh0p99mVyQ9CLas1Amem"),
    "yolov5l-face": ("e3ec0aa70e3a1f985a54baef788cabec", "1PL52lvybe1nJU5k09twbfKNRWw904HgS"),
    "yolov5m-face": ("0211fba2d9bd2000109c9aba9d096715", "1degIq0DEFML97PFvfpi-mMN8mfzRzy5z"),
    "yolov5s-face": ("ab86397847fe907aec5aba3399beb4ac", "14Ah6jfXJ5QuzaN2OsKE-g61x3-_hBnQV"),
    "yolov5n-face": ("3f6fa74b4cf49ac17e2954d53c59a569", "1P9u9vEGA9J2v1riAe3jIqZ-Zu5OrUCQN"),
    "yolov5n-0.5_insightface_rest": ("32bf1a3c244e565c3a0b86e881fbbf99", "16gNzkxSByVtyYOMxRDRDn_qKfVxco1p0"),
    "glintr100_insightface_rest": ("3b366b98f786426f79629ddb2e56629c", "1TR_ImGvuY7Dt22a9BOAUAlHasFfkrJp-"),
    "adaface_ir101_webface12m": ("83101d3b79e541b9a5c42483966bc273", "1dgMFOASKnaujQcCL4sSYkKOkBrmXUUU1"),
    "arcface_r100_v1": ("8868eace383b8137afd97bcb7f322731", "1sj170K3rbo5iOdjvjHw-hKWvXgH4dld3"),
}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.load()


@pytest.mark.parametrize(("name", "task"), NAMES)
def test_the_name_stands_for_a_network_of_its_task(catalogue: Catalogue, name: str, task: str) -> None:
    model = catalogue.model(name)
    assert model.task == task
    assert model.sources or model.note, "there is nowhere to fetch it, and nothing says why"
    assert model.checksum or model.note, "it is known by name only, and nothing says why"


@pytest.mark.parametrize("name", COEFFICIENTS)
def test_the_similarity_coefficients_are_compreface_s(catalogue: Catalogue, name: str) -> None:
    assert catalogue.model(name).similarity_coefficients == COEFFICIENTS[name]


@pytest.mark.parametrize("name", DRIVE)
def test_the_file_on_google_drive_is_insightface_rest_s(catalogue: Catalogue, name: str) -> None:
    model = catalogue.model(name)
    assert (model.md5, model.sha256) == (DRIVE[name][0], None)
    assert [getattr(source, "gdrive", None) for source in model.sources] == [DRIVE[name][1]]


@pytest.mark.parametrize(
    ("name", "drive_id", "md5"),
    [
        ("w600k_mbf", "1GtBKfGucgJDRLHvGWR3jOQovHYXY-Lpe", "c5b029527cb6f874e057613fc10bae1b"),
        ("w600k_r50", "1_3WcTE64Mlt_12PZHNWdhVCRpoPiblwq", "80248d427976241cbd1343889ed132b3"),
    ],
)
def test_what_insightface_rest_has_of_insightface_is_one_entry(
    catalogue: Catalogue, name: str, drive_id: str, md5: str
) -> None:
    model = catalogue.model(name)
    assert model.md5 == md5
    assert model.sha256 is not None
    assert drive_id in [getattr(source, "gdrive", None) for source in model.sources]


def test_adaface_is_fed_blue_first(catalogue: Catalogue) -> None:
    assert catalogue.model("adaface_ir101_webface12m").input.color == "bgr"
