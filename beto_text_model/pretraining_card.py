"""The model card of a pre-trained encoder, in Spanish, filled from its run."""

import yaml


def pretraining_card(config: dict, results: dict) -> str:
    """README.md of what pretrain_mlm.py leaves.

    Args:
        config: what config.yaml holds.
        results: what all_results.json holds.
    """
    data = config["dataset"]
    model = config["model"]
    arguments = config["arguments"]
    head = {
        "language": "es",
        "library_name": "transformers",
        "pipeline_tag": "fill-mask",
        "tags": ["fill-mask", "masked-language-modeling", "spanish"],
    }
    words = "palabras enteras" if arguments["whole_word_mask"] else "piezas sueltas"
    lines = [
        "---",
        yaml.safe_dump(head, allow_unicode=True, sort_keys=False).strip(),
        "---\n",
        f"# {data['name']}: codificador de textos en español\n",
        f"Codificador preentrenado por predicción de {words} ocultas (*masked language modelling*) "
        "sobre textos sin etiqueta. No clasifica por sí solo: se afina con "
        "`train.py --model_name_or_path RUTA_DE_ESTA_CARPETA`.\n",
        "## Modelo\n",
        f"- Partida: `{model['name']}`. Arquitectura `{model['model_type']}`: "
        f"{model['num_hidden_layers']} capas, ancho {model['hidden_size']}, "
        f"{model['vocab_size']} piezas, {model['parameters'] / 1e6:.1f} M de parámetros.",
        f"- Filas de {model['max_length']} piezas, llenas y sin relleno; un separador entre "
        "documentos.\n",
        "## Datos\n",
        f"- Origen: `{data['source']}`, huella `{data['hash']}`.",
        f"- {data['documents']['train']} documentos y {data['pieces']} piezas de entrenamiento; "
        f"{data['documents']['held_out']} documentos apartados para medir.\n",
        "| Fuente | Documentos | Perplejidad | Aciertos en lo oculto |",
        "| --- | ---: | ---: | ---: |",
        *(source_row(name, count, results) for name, count in data["by_source"].items()),
        f"| todas | {data['documents']['train']} | {number(results.get('held_out_perplexity'))} | "
        f"{number(results.get('held_out_masked_accuracy'), 3)} |\n",
        "La perplejidad se mide en las piezas ocultas de los documentos apartados y depende del "
        "vocabulario: no se compara entre tokenizadores.\n",
        "## Entrenamiento\n",
        f"- Se oculta el {arguments['mlm_probability']:.0%} de las {words}: 80 % `[MASK]`, "
        "10 % al azar, 10 % igual; de nuevo en cada pasada.",
        f"- Semilla {config['seed']}, tasa de aprendizaje {arguments['learning_rate']}, lote de "
        f"{model['global_batch_size']} filas, precisión {model['precision']}.",
        f"- {results['train_tokens'] / 1e6:.2f} M de piezas vistas "
        f"({results['train_epoch']:.2f} pasadas), "
        f"{results['train_tokens_per_second']:.0f} por segundo, "
        f"{results['train_share_of_peak']:.0%} de lo que rinde aquí un producto de matrices.",
        f"- Equipo: {model['hardware']}.",
        f"- Versiones: {', '.join(f'{k} {v}' for k, v in config['packages'].items())}.\n",
        "![Curvas](figures/curves.png)\n",
        "## Límites\n",
        "- Fuera del dominio y del registro de sus textos la calidad no está medida.",
        "- Reproduce los sesgos de sus textos.\n",
        "## Licencia\n",
        "Rigen las del modelo de partida y las de los textos; quien publique este codificador debe "
        "comprobarlas.",
    ]
    return "\n".join(lines) + "\n"


def source_row(name: str, count: int, results: dict) -> str:
    """One source's row of the table: documents, perplexity, share of the masked that is right."""
    perplexity = number(results.get(f"held_out_{name}_perplexity"))
    accuracy = number(results.get(f"held_out_{name}_masked_accuracy"), 3)
    return f"| {name} | {count} | {perplexity} | {accuracy} |"


def number(value: float | None, digits: int = 1) -> str:
    """The number in the Spanish manner, or a dash."""
    return "—" if value is None else f"{value:.{digits}f}".replace(".", ",")
