"""Runs for the peer of `bench.tracking`'s search, put into MLflow's tables by its own classes.

Executed by the Python of MLflow's environment: `python tracking_search.py STORE ARTIFACTS COUNT` prints the experiment.
"""

import random
import sys
import time
import uuid

from mlflow.store.tracking.dbmodels.models import SqlLatestMetric, SqlParam, SqlRun
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore


def main(address, artifacts, count):
    store = SqlAlchemyStore(address, artifacts)
    experiment = store.create_experiment("search")
    chance = random.Random(8)
    now = int(time.time() * 1000)
    with store.ManagedSessionMaker() as session:
        for number in range(count):
            run = uuid.uuid4().hex
            at = now - 1000 * (count - number)
            session.add(
                SqlRun(
                    run_uuid=run,
                    name=f"run-{number}",
                    experiment_id=int(experiment),
                    user_id="bench",
                    status="FINISHED",
                    start_time=at,
                    end_time=at,
                    lifecycle_stage="active",
                    source_type="LOCAL",
                    artifact_uri=f"{artifacts}/{run}",
                )
            )
            parameters = {
                "learning_rate": chance.choice(["0.1", "0.01", "0.001"]),
                "layers": str(number % 8),
                "seed": str(number),
            }
            for key, value in parameters.items():
                session.add(SqlParam(run_uuid=run, key=key, value=value))
            for key in ("auc", "loss", "train/loss"):
                session.add(
                    SqlLatestMetric(run_uuid=run, key=key, value=chance.random(), timestamp=at, step=2, is_nan=False)
                )
    print(experiment)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
