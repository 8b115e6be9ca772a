"""Facts that claims are checked against: sizes of the data, and the settings of upstream's scripts."""

#: tuetschek/e2e-dataset@ab0d967, rows of its csv files.
E2E_ROWS = {"train": 42_061, "validation": 4_672, "test": 4_693}

#: fuzihaofzh/webnlg-dataset, the challenge's 2017 XML: lexicalisations, those marked good, and categories; the
#: development set equals microsoft/LoRA@c4593f0's dev.json.
WEBNLG = {
    "train_texts": 18_102,
    "train_good": 18_025,
    "train_categories": 10,
    "validation_texts": 2_268,
    "test_texts": 4_928,
    "test_categories": 15,
}

#: EdinburghNLP/XSum, the official split of its 226,711 articles.
XSUM = {"train": 204_045, "validation": 11_332, "test": 11_334}

#: nyu-mll/glue, rows of each training split; cola, sst2, mrpc, rte and stsb counted from the official files.
GLUE_TRAIN = {
    "mnli": 392_702,
    "sst2": 67_349,
    "mrpc": 3_668,
    "cola": 8_551,
    "qnli": 104_743,
    "qqp": 363_846,
    "rte": 2_490,
    "stsb": 5_749,
}

#: nyu-mll/glue, rows of the validation splits that are scored by accuracy and small enough for a share to show.
GLUE_VALIDATION = {"SST-2": 872, "MRPC": 408, "RTE": 277}

#: microsoft/LoRA@c4593f0 README, E2E.
LORA_E2E = {
    "learning_rate": "0.0002",
    "batch_size": "8",
    "epochs": "5",
    "warmup_steps": "500",
    "weight_decay": "0.01",
    "label_smoothing": "0.1",
    "num_beams": "10",
    "length_penalty": "0.8",
    "no_repeat_ngram_size": "4",
}

#: microsoft/LoRA issue 94, the last step of a WebNLG run.
LORA_WEBNLG_STEPS = 11_270

#: microsoft/LoRA@c4593f0 examples/NLU, the eight scripts: rate, batch over all processes, epochs.
LORA_GLUE = {
    "mnli": ("0.0005", "128", "30"),
    "sst2": ("0.0005", "128", "60"),
    "mrpc": ("0.0004", "128", "30"),
    "cola": ("0.0004", "64", "80"),
    "qnli": ("0.0004", "256", "25"),
    "qqp": ("0.0005", "128", "25"),
    "rte": ("0.0005", "256", "80"),
    "stsb": ("0.0004", "128", "40"),
}

#: QingruZhang/AdaLoRA@d10f5eb NLG_QA/scripts, XSum.
ADALORA_XSUM = {
    "rank": "12",
    "learning_rate": "0.0005",
    "batch_size": "64",
    "epochs": "25",
    "warmup_steps": "3000",
    "weight_decay": "0",
    "num_beams": "8",
}
#: The kinds of matrices that script adapts; the paper adapts W_Q and W_V.
ADALORA_XSUM_MATRICES = "q, k, v, out, fc1, fc2"
