"""The model card of a run, in Spanish, filled from the run itself."""

from huggingface_hub import EvalResult, ModelCardData

METRIC_NAMES = {
    "accuracy": "Exactitud",
    "balanced_accuracy": "Exactitud balanceada",
    "macro_f1": "F1 macro",
    "macro_precision": "Precisión macro",
    "macro_recall": "Exhaustividad macro",
    "weighted_f1": "F1 ponderado",
    "top_3_accuracy": "Exactitud entre las 3 primeras",
    "log_loss": "Pérdida logarítmica (nats)",
    "ece": "Error de calibración esperado (ECE)",
}

TASK_NAMES = {
    "text-classification": ("Clasificación de textos", "textos en español"),
    "image-classification": ("Clasificación de imágenes", "imágenes de páginas"),
}


def model_card(
    config: dict,
    results: dict,
    report: dict,
    *,
    usage: list[str],
    recipe: list[str] | None = None,
    library: str = "transformers",
    task: str = "text-classification",
):
    """README.md of a run folder, as a string.

    Args:
        config: config.yaml's content. results: all_results.json's. report:
            classification_report.json's.
        usage: Markdown lines of how the model is loaded. recipe: how it was trained; default: by
            the Trainer. library, task: what the Hub shows.
    """
    split = report["split"]
    data, model, arguments = config["dataset"], config["model"], config["arguments"]
    rows = sorted((r for r in report["per_class"] if r["support"]), key=by_f1)
    worst = [f"`{r['class']}` ({r['f1']:.2f}, {r['support']} documentos)" for r in rows[:5]]
    lines = [
        "---",
        front_matter(config, results, split, library, task),
        "---\n",
        f"# {data['name']}: clasificador de {TASK_NAMES[task][1]}\n",
        f"Modelo `{model['name']}` entrenado con el conjunto `{data['name']}` ({data['classes']} "
        "clases) para asignar a cada documento una sola clase.\n",
        "## Uso\n",
        *usage,
        "Las etiquetas son las del conjunto de datos, sin traducir (`labels.json`).\n",
        "## Datos\n",
        f"- Origen: `{data['source']}`, versión {data['version']}, huella `{data['hash']}`.",
        f"- Documentos: {data['rows']['train']} de entrenamiento, "
        f"{data['rows']['validation']} de validación y {data['rows']['test']} de prueba.\n",
        "## Entrenamiento\n",
        f"- Modelo de partida: `{model['name']}` ({model['start']}), "
        f"{model['parameters'] / 1e6:.1f} M de parámetros.",
        *(recipe or trainer_recipe(config, results)),
        kept_weights(arguments),
        f"- Equipo: {model['hardware']}; {results['train_runtime']:.0f} s de entrenamiento.",
        f"- Versiones: {', '.join(f'{k} {v}' for k, v in config['packages'].items())}.\n",
        f"## Resultados ({'prueba' if split == 'test' else 'validación'}, {report['rows']} "
        "documentos)\n",
        "| Métrica | Valor |",
        "| --- | --- |",
        *(
            f"| {title} | {results[f'{split}_{name}']:.4f} |"
            for name, title in METRIC_NAMES.items()
        ),
        "\nLos promedios macro son los de scikit-learn sobre las clases presentes en la partición.",
        absent_line(report),
        "![Matriz de confusión](figures/confusion_matrix.png)\n",
        "## Límites\n",
        f"- Clases con peor F1: {', '.join(worst)}.",
        "- Fuera del dominio y del registro de los datos de entrenamiento los resultados no están "
        "medidos; la confianza está calibrada con un error medio de "
        f"{results[f'{split}_ece']:.3f}.",
        "- Un solo entrenamiento: la variación entre semillas se mide con `pipeline.py --seeds`.\n",
        "## Licencia\n",
        "Rigen las del modelo de partida y las de los datos; quien publique este modelo debe "
        "comprobarlas.",
    ]
    return "\n".join(lines) + "\n"


def trainer_recipe(config: dict, results: dict) -> list[str]:
    """How the Trainer trained it."""
    model, rate = config["model"], config["arguments"]["learning_rate"]
    return [
        f"- Semilla {config['seed']}, tasa de aprendizaje {rate}, "
        f"lote de {model['global_batch_size']} documentos, "
        f"{results['train_epoch']:g} épocas, precisión {model['precision']}."
    ]


def kept_weights(arguments: dict) -> str:
    """Which weights of the training the run holds."""
    metric = arguments.get("metric_for_best_model")
    if metric and arguments.get("load_best_model_at_end", True):
        return f"- Se guarda el modelo con mejor `{metric}` en validación."
    return "- Se guarda el modelo tal como quedó al final del entrenamiento."


def by_f1(row: dict):
    return row["f1"], row["class"]


def absent_line(report: dict) -> str:
    """Which classes the averages leave out."""
    absent = report["absent_classes"]
    return (
        f"Clases sin documentos en la partición, fuera de los promedios: {', '.join(absent)}.\n"
        if absent
        else ""
    )


def front_matter(config: dict, results: dict, split: str, library: str, task: str) -> str:
    """The card's YAML head, as the Hub reads it."""
    data, model = config["dataset"], config["model"]
    scores = [
        EvalResult(
            task_type=task,
            task_name=TASK_NAMES[task][0],
            dataset_type=data["name"],
            dataset_name=data["name"],
            dataset_split=split,
            metric_type=name,
            metric_value=round(results[f"{split}_{name}"], 4),
        )
        for name in ("accuracy", "macro_f1")
    ]
    is_from_hub = not model["start"].startswith("pesos al azar") and not model["local"]
    return ModelCardData(
        language="es",
        library_name=library,
        pipeline_tag=task,
        tags=[task, "spanish"],
        metrics=["accuracy", "f1"],
        model_name=data["name"],
        eval_results=scores,
        base_model=model["name"] if is_from_hub else None,
    ).to_yaml()
