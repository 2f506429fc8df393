# SPDX-License-Identifier: BSD-2-Clause
"""What a manifest for Kubernetes says, checked, and as what a container is started with.

    manifest.py check FILE...      every field is one that its kind has, of its type
    manifest.py container FILE     podman's options, one a line, and after "--" the arguments
    manifest.py capabilities FILE  what it adds, one a line
    manifest.py probes FILE        "kind path port" of each

The schema is that of Kubernetes' own client for Python (python3-kubernetes), which is made from the
API's description.
"""
import re
import sys

import yaml


def documents(path):
    with open(path, encoding="utf-8") as f:
        return [d for d in yaml.safe_load_all(f) if d]


def model_of(models, document):
    """The class of a document, or None where the API is not Kubernetes' own."""
    group, _, version = document["apiVersion"].rpartition("/")
    if group and "." in group and not group.endswith(".k8s.io"):
        return None
    return getattr(models, version.capitalize() + document["kind"])


def check(models, value, kind, where):
    """Complaints about a value that should be of the type that the client calls kind."""
    wrapped = re.fullmatch(r"(list|dict)(?:\[|\(str, )(.*)[\])]", kind)
    if wrapped and wrapped[1] == "list":
        if not isinstance(value, list):
            return [f"{where}: a list expected"]
        return [c for i, v in enumerate(value) for c in check(models, v, wrapped[2], f"{where}[{i}]")]
    if wrapped:
        if not isinstance(value, dict):
            return [f"{where}: a map expected"]
        return [c for k, v in value.items() for c in check(models, v, wrapped[2], f"{where}.{k}")]
    plain = {"str": str, "bool": bool, "int": int, "float": (int, float), "object": (str, int)}
    if kind in plain:
        fits = isinstance(value, plain[kind]) and (kind == "bool" or not isinstance(value, bool))
        return [] if fits else [f"{where}: {kind} expected, not {value!r}"]
    model = getattr(models, kind)
    if not isinstance(value, dict):
        return [f"{where}: a map expected"]
    names = {json: name for name, json in model.attribute_map.items()}
    complaints = [f"{where}: {kind} has no {key}" for key in value if key not in names]
    for key, v in value.items():
        if key in names:
            complaints += check(models, v, model.openapi_types[names[key]], f"{where}.{key}")
    if not complaints:
        try:  # what it requires
            model(**{names[key]: v for key, v in value.items()})
        except ValueError as e:
            complaints.append(f"{where}: {e}")
    return complaints


def check_files(paths):
    from kubernetes.client import models

    status = 0
    for path in paths:
        for document in documents(path):
            model = model_of(models, document)
            if model is None:
                continue
            for complaint in check(models, document, model.__name__, document["kind"]):
                print(f"{path}: {complaint}")
                status = 1
    return status


def pod(path):
    return next(d for d in documents(path) if d["kind"] == "DaemonSet")["spec"]["template"]["spec"]


def container(path):
    spec = pod(path)
    first = spec["containers"][0]
    security = first["securityContext"]
    options = ["--cap-drop=" + c.lower() for c in security["capabilities"]["drop"]]
    options += ["--cap-add=" + c for c in security["capabilities"]["add"]]
    options.append(f"--user={security['runAsUser']}")
    if spec.get("hostPID"):
        options.append("--pid=host")
    if security["readOnlyRootFilesystem"]:
        options += ["--read-only", "--read-only-tmpfs=false"]
    if not security["allowPrivilegeEscalation"]:
        options.append("--security-opt=no-new-privileges")
    volumes = {v["name"]: v["hostPath"]["path"] for v in spec.get("volumes", [])}
    for mount in first.get("volumeMounts", []):
        mode = "ro" if mount.get("readOnly") else "rw"
        options.append(f"--volume={volumes[mount['name']]}:{mount['mountPath']}:{mode}")
    return options + ["--"] + first["args"]


def probes(path):
    first = pod(path)["containers"][0]
    ports = {p["name"]: p["containerPort"] for p in first["ports"]}
    for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
        get = first[kind]["httpGet"]
        yield f"{kind} {get['path']} {ports[get['port']]}"


def main():
    verb, paths = sys.argv[1], sys.argv[2:]
    if verb == "check":
        return check_files(paths)
    if verb == "container":
        print("\n".join(container(paths[0])))
    elif verb == "capabilities":
        print("\n".join(pod(paths[0])["containers"][0]["securityContext"]["capabilities"]["add"]))
    else:
        print("\n".join(probes(paths[0])))
    return 0


sys.exit(main())
