"""Published runs as rows of the comparison: their options in the words of the catalogue."""

from collections.abc import Iterable, Mapping

from wmcl.published.runs import FILES, Published
from wmcl.studies.benchmark import Hyperparameters, Value

IDENTITY = " + task identity"

DEFAULTS: Mapping[str, str] = {
    "ewc_gamma": "1.0",
    "n_fisher": "-1",
    "si_lambda": "1.0",
    "mask_fraction": "0.8",
    "nh_chmlp_chunk_size": "1000",
    "nh_hmlp_arch": "50,50",
    "nh_cond_emb_size": "32",
    "nh_chunk_emb_size": "32",
    "std_normal_temb": "1.0",
    "std_normal_emb": "1.0",
    "replay_pm_strength": "1.0",
    "replay_rec_strength": "1.0",
    "replay_distill_reg": "1.0",
    "latent_dim": "100",
    "dec_srnn_rec_layers": "256",
    "dec_srnn_rec_type": "lstm",
}
"""of the paper's code, where a command leaves an option out"""


def beside(runs: Iterable[Published], row: str, hyperparameters: Hyperparameters) -> Published | None:
    """The published run that a row is compared with.

    It is that of the same name; of several the first that stores as many sequences as the row, or else the first.
    """
    found = [run for run in runs if run.method == row]
    stored = str(hyperparameters.of_method.get("samples"))
    return next((run for run in found if run.options.get("coreset_size") == stored), found[0] if found else None)


def published_hyperparameters(runs: Iterable[Published], training_sequences: int) -> dict[str, Hyperparameters]:
    """The hyperparameters of published runs, by row; of several runs of a method those of the first.

    Args:
        runs: on one benchmark, under one condition.
        training_sequences: of a task; the Fisher of a run is that of all of them, unless it says otherwise.
    """
    found: dict[str, Hyperparameters] = {}
    for run in runs:
        if run.method not in found:
            found[run.method] = Hyperparameters(
                run.method.removesuffix(IDENTITY),
                hyperparameters(run, training_sequences),
                batch=run.batch,
                iterations=run.iterations,
                learning_rate=run.learning_rate,
                clip=run.clip,
                orthogonality=run.orthogonality,
                weight_decay=float(run.options.get("weight_decay", 0)),
                reduction="sequence",
                initialisation=run.initialisation,
                multi_head=run.multi_head,
                task_identity="input_task_identity" in run.options,
            )
    return found


def hyperparameters(run: Published, training_sequences: int) -> dict[str, Value]:
    """Of a published run, in the words of the catalogue."""
    options = {**DEFAULTS, **run.options}
    found: dict[str, Value] = {}
    if run.method.startswith("masking"):
        found["fraction_off"] = float(options["mask_fraction"])
    if "use_ewc" in options:
        samples = int(options["n_fisher"])
        found |= {
            "strength": float(options["ewc_lambda"]),
            "decay": float(options["ewc_gamma"]),
            "kind": "empirical",
            "samples": training_sequences if samples < 0 else samples,
        }
    if "use_si" in options:
        found |= {
            "strength": float(options["si_lambda"]),
            "kind": "task" if "si_task_loss_only" in options else "total",
        }
    if run.method == "HNET (chunked)":
        found |= _hypernetwork(options)
    if run.method == "coresets":
        found |= {"samples": int(options["coreset_size"]), "strength": float(options["replay_distill_reg"])}
    if run.method in ("generative replay", "HNET + replay"):
        found |= _replay(options, bits=FILES[run.benchmark] == "copy_task.csv")
    if run.method == "HNET + replay":
        found |= {"strength": float(options["beta"]), "chunk": int(options["nh_chmlp_chunk_size"])}
    return found


def _hypernetwork(options: Mapping[str, str]) -> dict[str, Value]:
    return {
        "strength": float(options["beta"]),
        "hidden": tuple(map(int, options["nh_hmlp_arch"].split(","))),
        "chunk": int(options["nh_chmlp_chunk_size"]),
        "task_embedding": int(options["nh_cond_emb_size"]),
        "chunk_embedding": int(options["nh_chunk_emb_size"]),
        "task_std": float(options["std_normal_temb"]),
        "chunk_std": float(options["std_normal_emb"]),
    }


def _replay(options: Mapping[str, str], bits: bool) -> dict[str, Value]:
    """The reconstruction of real numbers is the squared error there, half of it here."""
    reconstruction = float(options["replay_rec_strength"])
    return {
        "distillation_strength": float(options["replay_distill_reg"]),
        "kl_strength": float(options["replay_pm_strength"]),
        "reconstruction_strength": reconstruction if bits else 2 * reconstruction,
        "input_likelihood": "bernoulli" if bits else "gaussian",
        "latent": int(options["latent_dim"]),
        "decoder_cell": options["dec_srnn_rec_type"],
        "decoder_hidden": int(options["dec_srnn_rec_layers"]),
    }
