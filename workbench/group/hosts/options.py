"""What the command line and the recipe say of other machines."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import RecipeError
from workbench.group.hosts.cluster import ClusterPlace, place_of_config, slurm_place

if TYPE_CHECKING:
    from workbench.recipe.train_schema import Train

SLURM = ("slurm",)
ENVIRONMENT = ("env",)


@dataclass(frozen=True)
class HostOptions:
    """The machines of a training.

    Attributes:
        network: where they all are, as `10.0.0.0/24`; "" where this machine trains alone.
        listen: where they join, as `10.0.0.1:7750`; "" for this machine's address in the network.
        hosts: none where they join by themselves; names for ssh, `SLURM` or `ENVIRONMENT`.
        least, most: how many processes; 0 where that is not said.
        elastic: go on without those that are lost, where the recipe does not say so.
        token: the file; None for the usual one.
        wait: seconds that they may take to come.
        ssh: the command for names.
    """

    network: str = ""
    listen: str = ""
    hosts: tuple[str, ...] = ()
    least: int = 0
    most: int = 0
    elastic: bool = False
    token: Path | None = None
    wait: float = 600.0
    ssh: str = "ssh"

    def with_recipe(self, train: Train) -> HostOptions | None:
        """These options, and the recipe's where they say nothing. None where this machine trains alone.

        Raises:
            RecipeError: they name machines, and no network.
        """
        network = self.network or train.network
        if network:
            listen = self.listen or train.listen or ""
            return replace(self, network=network, listen=listen, hosts=self.hosts or train.hosts)
        given = {
            "--listen": self.listen,
            "--hosts": self.hosts,
            "--token-file": self.token,
            "--workers LEAST:MOST": self.least != self.most,
        }
        for option in (name for name, value in given.items() if value):
            raise RecipeError(
                f"{option} goes with the private network that all machines are in, and none is named.",
                where="train.network",
                hint="As in `--network 10.0.0.0/24`, or `network: 10.0.0.0/24` there.",
            )
        return None

    @property
    def overrides(self) -> tuple[str, ...]:
        """What they say of the recipe, as `--set` does."""
        found = []
        if self.least:  # of several machines this is no more than that there are several
            found.append(f"train.workers={max(2, self.least) if self.network else self.least}")
        if self.elastic:
            found.append("train.elastic=true")
        return tuple(found)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the machines to start processes on over ssh."""
        return () if self.hosts in (SLURM, ENVIRONMENT) else self.hosts

    def place(self) -> ClusterPlace | None:
        """What a cluster says of this process; None where there is none.

        Raises:
            WorkbenchError: it says nothing.
        """
        if self.hosts == SLURM:
            return slurm_place(os.environ)
        return place_of_config(os.environ) if self.hosts == ENVIRONMENT else None

    def numbers(self, place: ClusterPlace | None, workers: int) -> tuple[int, int]:
        """The least and the most processes.

        Args:
            workers: what the recipe says.
        """
        size = place.size if place else 1 + len(self.names) if self.names else max(2, workers)
        return self.least or size, self.most or size
