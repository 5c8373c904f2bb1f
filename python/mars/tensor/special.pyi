# SPDX-License-Identifier: Apache-2.0
# Generated (tools/stubs.py).
from typing import Any

import numpy as np

from ._stubs import Axis, Bool, ChunkSize, Device, ExecutableTuple, Tensor, ufunc

def airy(z: Any) -> Tensor: ...
def airye(z: Any) -> Tensor: ...
beta: ufunc
betainc: ufunc
betaincinv: ufunc
betaln: ufunc
dawsn: ufunc
digamma: ufunc
def ellip_harm(h2: Any, k2: Any, n: Any, p: Any, s: Any, signm: Any = ..., signn: Any = ...) -> Tensor: ...
def ellip_harm_2(h2: Any, k2: Any, n: Any, p: Any, s: Any) -> Tensor: ...
def ellip_normal(h2: Any, k2: Any, n: Any, p: Any) -> Tensor: ...
ellipe: ufunc
ellipeinc: ufunc
ellipk: ufunc
ellipkinc: ufunc
ellipkm1: ufunc
elliprc: ufunc
elliprd: ufunc
elliprf: ufunc
elliprg: ufunc
def elliprj(x: Any, y: Any, z: Any, p: Any) -> Tensor: ...
entr: ufunc
erf: ufunc
erfc: ufunc
erfcinv: ufunc
erfcx: ufunc
erfi: ufunc
erfinv: ufunc
fresnel: ufunc
gamma: ufunc
gammainc: ufunc
gammaincc: ufunc
gammainccinv: ufunc
gammaincinv: ufunc
gammaln: ufunc
gammasgn: ufunc
hankel1: ufunc
def hankel1e(v: Any, z: Any) -> Tensor: ...
hankel2: ufunc
def hankel2e(v: Any, z: Any) -> Tensor: ...
hyp0f1: ufunc
hyp1f1: ufunc
hyp2f1: ufunc
hyperu: ufunc
def itairy(x: Any) -> Tensor: ...
iv: ufunc
ive: ufunc
jv: ufunc
jve: ufunc
kl_div: ufunc
kn: ufunc
kv: ufunc
kve: ufunc
loggamma: ufunc
modfresnelm: ufunc
modfresnelp: ufunc
def multigammaln(a: Any, d: Any) -> Tensor: ...
poch: ufunc
def polygamma(n: Any, x: Any) -> Tensor: ...
psi: ufunc
rel_entr: ufunc
rgamma: ufunc
voigt_profile: ufunc
wofz: ufunc
xlog1py: ufunc
xlogy: ufunc
yn: ufunc
yv: ufunc
yve: ufunc
def zeta(x: Any, q: Any = ..., out: Any = ...) -> Tensor: ...
