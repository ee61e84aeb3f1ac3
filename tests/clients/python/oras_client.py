"""The Python client oras as a command line.

    oras_client.py ACTION REFERENCE [FILE ...]

The account comes from ATCR_USER and ATCR_PASSWORD; without them nobody signs
in. `push` sends the files, also in chunks with `push-chunked`; `attach` sends
them with the manifest of REFERENCE as their subject; `pull` writes to the
folder FILE; `tags` prints the tags and `delete` the deleted tag.
"""

import os
import sys

import oras.client
import oras.container
import oras.oci


def client_for(reference):
    host = reference.split("/")[0]
    client = oras.client.OrasClient(hostname=host, insecure=True)
    if "ATCR_USER" in os.environ:
        client.login(
            username=os.environ["ATCR_USER"],
            password=os.environ["ATCR_PASSWORD"],
            hostname=host,
            config_path=os.path.join(os.getcwd(), "config.json"),
        )
    return client


def subject_of(client, reference):
    url = f"http://{oras.container.Container(reference).manifest_url()}"
    accept = "application/vnd.oci.image.index.v1+json, " + (
        "application/vnd.oci.image.manifest.v1+json"
    )
    answer = client.do_request(url, "HEAD", headers={"Accept": accept})
    answer.raise_for_status()
    return oras.oci.Subject(
        mediaType=answer.headers["Content-Type"],
        digest=answer.headers["Docker-Content-Digest"],
        size=int(answer.headers["Content-Length"]),
    )


def main(action, reference, *files):
    client = client_for(reference)
    if action in ("push", "push-chunked", "attach"):
        subject = subject_of(client, reference) if action == "attach" else None
        target = reference
        if subject is not None:
            target = f"{reference.rsplit(':', 1)[0]}:attached"
        answer = client.push(
            target=target,
            files=list(files),
            subject=subject,
            do_chunked=action == "push-chunked",
            chunk_size=65_536,
            disable_path_validation=True,
        )
        print(answer.status_code)
    elif action == "pull":
        for path in client.pull(target=reference, outdir=files[0]):
            print(path)
    elif action == "tags":
        print("\n".join(client.get_tags(reference)))
    elif action == "delete":
        name, tag = reference.rsplit(":", 1)
        print("\n".join(client.delete_tags(name, tag)))
    else:
        sys.exit(f"unknown action {action}")


main(*sys.argv[1:])
