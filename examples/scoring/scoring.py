"""Pipeline of a scoring server: HTTP requests in batches of N for one call of the model."""

from scoring_server import score as probabilities
from scoring_server import trained
from scoring_turns import under_load

from aethermodel import Pipeline

pipeline = Pipeline("scoring", largest=64)


@pipeline.source
def count(n, rng):
    return n  # the client's process sends: a batch is as many requests as are waited for


@pipeline.resource
async def server():
    trained()
    async with under_load() as turns:
        yield turns


@pipeline.stage
async def http(count, server):
    return await server.turn(count)


@pipeline.stage
def score(bodies, server):
    server.scores = probabilities(bodies)
    return server.scores
