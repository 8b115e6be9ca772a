import pytest
import torch
from transformers.pytorch_utils import Conv1D

from deltalora.methods.fine_tuning import SplitConv1D


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_split_weight_computes_the_fused_output_and_gradients_bit_for_bit(dtype):
    torch.manual_seed(0)
    fused = Conv1D(48, 16).to(dtype)
    fused.bias.data.normal_()
    split = SplitConv1D(fused)
    x = torch.randn(3, 5, 16, dtype=dtype)
    expected, found = fused(x), split(x)
    assert torch.equal(expected, found)
    expected.float().square().sum().backward()
    found.float().square().sum().backward()
    query, _, value = fused.weight.grad.chunk(3, dim=1)
    assert torch.equal(split.weight_q.grad, query)
    assert torch.equal(split.weight_v.grad, value)
    assert split.weight_k.grad is None
    assert split.bias.grad is None


def test_folding_a_split_weight_restores_the_module_bit_for_bit():
    fused = Conv1D(48, 16).eval()
    restored = SplitConv1D(fused).eval().fold()
    assert isinstance(restored, Conv1D)
    assert restored.training is False
    assert list(restored.state_dict()) == list(fused.state_dict())
    assert torch.equal(restored.weight, fused.weight)
    assert torch.equal(restored.bias, fused.bias)
    assert repr(restored) == repr(fused)


def test_weights_of_query_and_value_train_without_their_biases(make_model, make_method):
    model = make_model("roberta")
    groups = {group.name: set(group.parameters) for group in make_method("ft_qv", model).trainable(model)}
    prefix = "roberta.encoder.layer"
    assert groups["backbone"] == {
        f"{prefix}.{i}.attention.self.{module}.weight" for i in (0, 1) for module in ("query", "value")
    }


def test_the_first_step_on_query_and_value_is_full_fine_tunings(make_model, make_method, make_batch, architecture):
    gradients = []
    for name in ("full", "ft_qv"):
        model = make_model(architecture)
        make_method(name, model)
        model(**make_batch(architecture)).loss.backward()
        if name == "full":
            gradients.append({key: parameter.grad for key, parameter in model.named_parameters()})
        else:
            gradients.append({key: p.grad for key, p in model.named_parameters() if p.requires_grad})
    full, partial = gradients
    for key, gradient in partial.items():
        if architecture == "gpt2":
            index = ("weight_q", "weight_k", "weight_v").index(key.rsplit(".", 1)[1])
            whole = full[key.rsplit("_", 1)[0]].chunk(3, dim=1)[index]
        else:
            whole = full[key]
        torch.testing.assert_close(gradient, whole)
