"""Extra-P as a peer, run by an interpreter of its own; JSON in and out.

Extra-P needs numpy < 2, so it cannot share our environment; this file therefore imports nothing of
ours. Standard input: ``{"n": [m], "seconds": [runs][m][repeats], "at": [k], "modeler": name}``.
Standard output: ``{"seconds": [runs][k], "fit_seconds": [runs]}``, null where it has no answer.
"""

import json
import sys
import time
import warnings


def main() -> None:
    """Model each run and predict it at the sizes asked for."""
    import numpy as np
    from extrap.entities.callpath import Callpath
    from extrap.entities.coordinate import Coordinate
    from extrap.entities.functions import SegmentedFunction
    from extrap.entities.measurement import Measurement
    from extrap.entities.metric import Metric
    from extrap.modelers.single_parameter import all_modelers

    warnings.simplefilter("ignore")
    asked = json.load(sys.stdin)
    at = np.array(asked["at"], dtype=float)
    modeler = all_modelers[asked["modeler"]]()
    predicted, spent = [], []
    for run in asked["seconds"]:
        measurements = [
            Measurement(Coordinate(float(n)), Callpath("term"), Metric("time"), values)
            for n, values in zip(asked["n"], run, strict=True)
        ]
        start = time.perf_counter()
        function = modeler.create_model(measurements).hypothesis.function
        spent.append(time.perf_counter() - start)
        if isinstance(function, SegmentedFunction):
            # Beyond the last measured size it answers nan; its last segment is what it would say.
            function = function.segments[-1]
        values = np.broadcast_to(function.evaluate(at), at.shape)
        predicted.append([float(x) if np.isfinite(x) else None for x in values])
    json.dump({"seconds": predicted, "fit_seconds": spent}, sys.stdout)


if __name__ == "__main__":
    main()
