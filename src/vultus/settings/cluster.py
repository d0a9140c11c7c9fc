"""Settings of a service that is spread over a cluster."""

from __future__ import annotations

from pydantic import BaseModel, Field, ValidationInfo, field_validator


class Ray(BaseModel):
    """Ray: how the service is spread over a cluster; for `vultus cluster serve` and `vultus.cluster.serve:app`."""

    ray_replicas: int = Field(
        default=1, ge=1, description="Replicas, each of a whole engine; the fewest where there may be more."
    )
    ray_max_replicas: int = Field(
        default=0, ge=0, description="Most replicas, started as load asks for them; 0: always ray-replicas."
    )
    ray_cpus: int = Field(
        default=1, ge=1, description="Cores that a replica reserves and, where streams is 0, computes on."
    )
    ray_gpus: float = Field(
        default=0, ge=0, description="GPUs that a replica reserves; 0.5: two replicas share one; above 1: whole ones."
    )

    @field_validator("ray_max_replicas")
    @classmethod
    def _check_most(cls, value: int, info: ValidationInfo) -> int:
        if 0 < value < info.data.get("ray_replicas", 0):
            raise ValueError("has to be 0, or at least ray_replicas")
        return value

    @field_validator("ray_gpus")
    @classmethod
    def _check_whole(cls, value: float) -> float:
        if value > 1 and value != int(value):
            raise ValueError("has to be a whole number, or below 1")
        return value
