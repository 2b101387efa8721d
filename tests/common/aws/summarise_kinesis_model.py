#!/usr/bin/env python3
"""Prints the input shapes of botocore's Kinesis model without the documentation: samples/kinesis_inputs.json.

usage: python summarise_kinesis_model.py > samples/kinesis_inputs.json   (needs `pip install botocore`; made with 1.44.5)
"""
import gzip
import json
import os

import botocore


def summary(shapes, name):
    shape = shapes[name]
    out = {"type": shape["type"]}
    for key in ("min", "max", "pattern", "enum"):
        if key in shape:
            out[key] = shape[key]
    if shape["type"] == "structure":
        required = shape.get("required", [])
        out["members"] = {k: {**summary(shapes, m["shape"]), **({"required": True} if k in required else {})}
                          for k, m in shape["members"].items()}
    elif shape["type"] == "list":
        out["member"] = summary(shapes, shape["member"]["shape"])
    elif shape["type"] == "map":
        out["key"] = summary(shapes, shape["key"]["shape"])
        out["value"] = summary(shapes, shape["value"]["shape"])
    return out


def main():
    path = os.path.join(os.path.dirname(botocore.__file__), "data", "kinesis", "2013-12-02", "service-2.json.gz")
    with gzip.open(path) as f:
        model = json.load(f)
    out = {}
    for name, operation in sorted(model["operations"].items()):
        family = any(part in name for part in ("Queue", "Channel"))
        out[name] = None if family else summary(model["shapes"], operation["input"]["shape"])["members"]
    print(json.dumps(out, separators=(",", ":"), sort_keys=False).replace('},"', '},\n"'))


if __name__ == "__main__":
    main()
