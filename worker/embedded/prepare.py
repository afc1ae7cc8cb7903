"""What has to be settled before anything is started: ports, programs, the cluster, passwords."""

import dataclasses
import shutil

import psycopg
from psycopg import sql

from worker.embedded import ports, postgres
from worker.embedded.account import Account
from worker.embedded.layout import Layout
from worker.embedded.postgres import Cluster
from worker.embedded.programs import find_postgres, reachable_by
from worker.embedded.project import DEFAULT_PORT, Project


def choose_project(layout: Layout, port: int | None) -> Project:
    """Return the project of *layout* with its ports settled, a new one if there is none.

    *port*: None keeps the ports of last time (or takes the default ones), 0 keeps them if they
    are free and picks others if not.
    """
    project = Project.load(layout.project)
    if port == 0:
        if project and ports.is_free(project.port) and ports.is_free(project.database_port):
            return project
        gateway_port, database_port = ports.pick_free(2)
    elif project and port in (None, project.port):
        return project
    else:
        gateway_port = port or DEFAULT_PORT
        database_port = gateway_port + 1
    if project:
        return dataclasses.replace(project, port=gateway_port, database_port=database_port)
    return Project.create(gateway_port, database_port)


def prepare_cluster(layout: Layout, project: Project, *, is_throwaway: bool) -> Cluster:
    """Return the cluster of *layout*, created if need be and with nobody running it.

    Raises:
        EmbeddedError: no programs, or the port is taken.
    """
    account = Account.for_server()
    cluster = Cluster(
        programs=reachable_by(account, find_postgres()),
        folder=layout.cluster,
        sockets=postgres.socket_folder(layout.sockets, project.database_port, account),
        port=project.database_port,
        account=account,
        log_file=layout.logs / "postgres.log",
        settings=postgres.THROWAWAY if is_throwaway else {},
    )
    cluster.stop_leftover()
    ports.require_free(project.database_port)
    if layout.cluster_root != layout.root and not layout.project.exists():
        # It lies elsewhere, and its data folder has been deleted since: so is it.
        shutil.rmtree(layout.cluster, ignore_errors=True)
    cluster.initialise()
    return cluster


def set_passwords(cluster: Cluster, project: Project) -> None:
    """Give the login roles the project's passwords, whatever theirs were."""
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        for role, password in project.passwords.items():
            connection.execute(
                sql.SQL("alter role {} with password {}").format(
                    sql.Identifier(role), sql.Literal(password)
                ),
            )
