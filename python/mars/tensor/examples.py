# SPDX-License-Identifier: Apache-2.0
"""What is shown in the words of functions that are made of the operator table, by the names of the operators.

Their words are read from here when somebody asks for them (ufuncs.py), and docs/OPERATORS.md has them, too. Every one
is run by test_examples, which also says what lacks one.
"""

EXAMPLES = {
    "add": """
>>> mt.add([1, 2, 3], 10).execute()
Tensor([11, 12, 13])
>>> mt.add.reduce([1, 2, 3]).execute()
Tensor(6)
""",
    "subtract": """
>>> mt.subtract([1.5, 2.5], 1).execute()
Tensor([0.5, 1.5])
""",
    "multiply": """
>>> mt.multiply([[1], [2]], [3, 4]).execute()
Tensor([[3, 4],
        [6, 8]])
""",
    "divide": """
>>> mt.divide([1, 2, 3], 2).execute()
Tensor([0.5, 1. , 1.5])
""",
    "floor_divide": """
>>> mt.floor_divide([7, -7], 2).execute()
Tensor([ 3, -4])
""",
    "remainder": """
>>> mt.remainder([7, -7], 3).execute()
Tensor([1, 2])
""",
    "fmod": """
>>> mt.fmod([7, -7], 3).execute()
Tensor([ 1, -1])
""",
    "divmod": """
>>> quotient, rest = mt.divmod([7, -7], 3).execute()
>>> quotient, rest
(Tensor([ 2, -3]), Tensor([1, 2]))
""",
    "negative": """
>>> mt.negative([1, -2]).execute()
Tensor([-1,  2])
""",
    "positive": """
>>> mt.positive([1, -2]).execute()
Tensor([ 1, -2])
""",
    "absolute": """
>>> mt.absolute([-1.5, 3 + 4j]).execute()
Tensor([1.5, 5. ])
""",
    "fabs": """
>>> mt.fabs([-1, 2]).execute()
Tensor([1., 2.])
""",
    "sign": """
>>> mt.sign([-2.5, 0, 7]).execute()
Tensor([-1.,  0.,  1.])
>>> mt.sign(3 - 4j).execute()
Tensor((0.6-0.8j))
""",
    "signbit": """
>>> mt.signbit([-1.0, -0.0, 0.0]).execute()
Tensor([ True,  True, False])
""",
    "copysign": """
>>> mt.copysign([1.0, -2.0], [-1, 1]).execute()
Tensor([-1.,  2.])
""",
    "rint": """
>>> mt.rint([0.5, 1.5, -1.7]).execute()
Tensor([ 0.,  2., -2.])
""",
    "floor": """
>>> mt.floor([1.7, -1.2]).execute()
Tensor([ 1., -2.])
""",
    "ceil": """
>>> mt.ceil([1.2, -1.7]).execute()
Tensor([ 2., -1.])
""",
    "trunc": """
>>> mt.trunc([1.7, -1.7]).execute()
Tensor([ 1., -1.])
""",
    "square": """
>>> mt.square([2, 3j]).execute()
Tensor([ 4.+0.j, -9.+0.j])
""",
    "reciprocal": """
>>> mt.reciprocal([2.0, 4.0]).execute()
Tensor([0.5 , 0.25])
""",
    "sqrt": """
>>> mt.sqrt([1, 4, 9]).execute()
Tensor([1., 2., 3.])
>>> mt.sqrt(-1 + 0j).execute()
Tensor(1j)
""",
    "hypot": """
>>> mt.hypot([3, 5], [4, 12]).execute()
Tensor([ 5., 13.])
""",
    "cbrt": """
>>> mt.cbrt([8.0, -27.0]).execute()
Tensor([ 2., -3.])
""",
    "float_power": """
>>> mt.float_power([1, 2, 4], -1).execute()
Tensor([1.  , 0.5 , 0.25])
""",
    "power": """
>>> mt.power([1, 2, 3], 2).execute()
Tensor([1, 4, 9])
""",
    "exp": """
>>> mt.exp([0, 1]).execute()
Tensor([1.        , 2.71828183])
""",
    "exp2": """
>>> mt.exp2([0, 1, 10]).execute()
Tensor([1.000e+00, 2.000e+00, 1.024e+03])
""",
    "expm1": """
>>> mt.expm1([0, 1e-10]).execute()
Tensor([0.e+00, 1.e-10])
""",
    "log": """
>>> mt.log([1, mt.e]).execute()
Tensor([0., 1.])
""",
    "log2": """
>>> mt.log2([1, 8]).execute()
Tensor([0., 3.])
""",
    "log10": """
>>> mt.log10([0.001, 1, 1000]).execute()
Tensor([-3.,  0.,  3.])
""",
    "log1p": """
>>> mt.log1p([0, 1e-10]).execute()
Tensor([0.e+00, 1.e-10])
""",
    "logaddexp": """
>>> mt.logaddexp(0, [0, 1000]).execute()
Tensor([6.93147181e-01, 1.00000000e+03])
""",
    "logaddexp2": """
>>> mt.logaddexp2(3, [3, 1000]).execute()
Tensor([   4., 1000.])
""",
    "sin": """
>>> mt.sin([0, mt.pi / 2]).execute()
Tensor([0., 1.])
""",
    "cos": """
>>> mt.cos([0, mt.pi]).execute()
Tensor([ 1., -1.])
""",
    "tan": """
>>> mt.tan([0, mt.pi / 4]).round(6).execute()
Tensor([0., 1.])
""",
    "arcsin": """
>>> mt.arcsin([0, 1]).execute()
Tensor([0.        , 1.57079633])
""",
    "arccos": """
>>> mt.arccos([-1, 1]).execute()
Tensor([3.14159265, 0.        ])
""",
    "arctan": """
>>> mt.arctan([0, 1, mt.inf]).execute()
Tensor([0.        , 0.78539816, 1.57079633])
""",
    "arctan2": """
>>> mt.arctan2([1, -1], [0, -1]).execute()
Tensor([ 1.57079633, -2.35619449])
""",
    "sinh": """
>>> mt.sinh([0, 1]).execute()
Tensor([0.        , 1.17520119])
""",
    "cosh": """
>>> mt.cosh([0, 1]).execute()
Tensor([1.        , 1.54308063])
""",
    "tanh": """
>>> mt.tanh([0, 1, 20]).execute()
Tensor([0.        , 0.76159416, 1.        ])
""",
    "arcsinh": """
>>> mt.arcsinh([0, 1]).execute()
Tensor([0.        , 0.88137359])
""",
    "arccosh": """
>>> mt.arccosh([1, 2]).execute()
Tensor([0.       , 1.3169579])
""",
    "arctanh": """
>>> mt.arctanh([0, 0.5]).execute()
Tensor([0.        , 0.54930614])
""",
    "degrees": """
>>> mt.degrees([0, mt.pi]).execute()
Tensor([  0., 180.])
""",
    "radians": """
>>> mt.radians([0, 180]).execute()
Tensor([0.        , 3.14159265])
""",
    "equal": """
>>> mt.equal([1, 2, mt.nan], [1, 3, mt.nan]).execute()
Tensor([ True, False, False])
""",
    "not_equal": """
>>> mt.not_equal([1, 2, mt.nan], [1, 3, mt.nan]).execute()
Tensor([False,  True,  True])
""",
    "less": """
>>> mt.less([1, 2, 3], 2).execute()
Tensor([ True, False, False])
""",
    "less_equal": """
>>> mt.less_equal([1, 2, 3], 2).execute()
Tensor([ True,  True, False])
""",
    "greater": """
>>> mt.greater([1, 2, 3], 2).execute()
Tensor([False, False,  True])
""",
    "greater_equal": """
>>> mt.greater_equal([1, 2, 3], 2).execute()
Tensor([False,  True,  True])
""",
    "logical_and": """
>>> mt.logical_and([0, 1, 2], [1, 1, 0]).execute()
Tensor([False,  True, False])
""",
    "logical_or": """
>>> mt.logical_or([0, 1, 2], [0, 1, 0]).execute()
Tensor([False,  True,  True])
""",
    "logical_xor": """
>>> mt.logical_xor([0, 1, 2], [1, 1, 0]).execute()
Tensor([ True, False,  True])
""",
    "logical_not": """
>>> mt.logical_not([0, 1, 2]).execute()
Tensor([ True, False, False])
""",
    "bitwise_and": """
>>> mt.bitwise_and([12, 10], 6).execute()
Tensor([4, 2])
""",
    "bitwise_or": """
>>> mt.bitwise_or([12, 10], 6).execute()
Tensor([14, 14])
""",
    "bitwise_xor": """
>>> mt.bitwise_xor([12, 10], 6).execute()
Tensor([10, 12])
""",
    "invert": """
>>> mt.invert([0, 5]).execute()
Tensor([-1, -6])
>>> mt.invert([True, False]).execute()
Tensor([False,  True])
""",
    "left_shift": """
>>> mt.left_shift([1, 3], 4).execute()
Tensor([16, 48])
""",
    "right_shift": """
>>> mt.right_shift([16, -16], 2).execute()
Tensor([ 4, -4])
""",
    "maximum": """
>>> mt.maximum([1, mt.nan, 3], 2).execute()
Tensor([ 2., nan,  3.])
""",
    "minimum": """
>>> mt.minimum([1, mt.nan, 3], 2).execute()
Tensor([ 1., nan,  2.])
""",
    "fmax": """
>>> mt.fmax([1, mt.nan, 3], 2).execute()
Tensor([2., 2., 3.])
""",
    "fmin": """
>>> mt.fmin([1, mt.nan, 3], 2).execute()
Tensor([1., 2., 2.])
""",
    "isnan": """
>>> mt.isnan([1, mt.nan, mt.inf]).execute()
Tensor([False,  True, False])
""",
    "isinf": """
>>> mt.isinf([1, mt.nan, -mt.inf]).execute()
Tensor([False, False,  True])
""",
    "isfinite": """
>>> mt.isfinite([1, mt.nan, mt.inf]).execute()
Tensor([ True, False, False])
""",
    "nextafter": """
>>> (mt.nextafter(1.0, 2.0) - 1).execute()
Tensor(2.220446049250313e-16)
""",
    "spacing": """
>>> mt.spacing([1.0, 1024.0]).execute()
Tensor([2.22044605e-16, 2.27373675e-13])
""",
    "ldexp": """
>>> mt.ldexp([1.0, 0.75], [3, 4]).execute()
Tensor([ 8., 12.])
""",
    "frexp": """
>>> significand, exponent = mt.frexp([1.0, 12.0]).execute()
>>> significand, exponent
(Tensor([0.5 , 0.75]), Tensor([1, 4], dtype=int32))
""",
    "modf": """
>>> fraction, integer = mt.modf([1.25, -2.5]).execute()
>>> fraction, integer
(Tensor([ 0.25, -0.5 ]), Tensor([ 1., -2.]))
""",
    "heaviside": """
>>> mt.heaviside([-1.0, 0.0, 2.0], 0.5).execute()
Tensor([0. , 0.5, 1. ])
""",
    "gcd": """
>>> mt.gcd([12, 18], 8).execute()
Tensor([4, 2])
""",
    "lcm": """
>>> mt.lcm([4, 6], 10).execute()
Tensor([20, 30])
""",
    "conjugate": """
>>> mt.conjugate([1 + 2j, 3]).execute()
Tensor([1.-2.j, 3.-0.j])
""",
    "isnat": """
>>> mt.isnat(np.array(["2026-01-01", "NaT"], "M8[D]")).execute()
Tensor([False,  True])
""",
    "special_beta": """
>>> mt.special.beta(2, 3).execute()
Tensor(0.08333333333333333)
""",
    "special_betainc": """
>>> mt.special.betainc(2, 3, [0.0, 0.5, 1.0]).execute()
Tensor([0.    , 0.6875, 1.    ])
""",
    "special_betaincinv": """
>>> mt.special.betaincinv(2, 3, [0.6875]).execute()
Tensor([0.5])
""",
    "special_betaln": """
>>> mt.special.betaln(2, [3]).execute()
Tensor([-2.48490665])
""",
    "special_dawsn": """
>>> mt.special.dawsn([0.0, 1.0]).execute()
Tensor([0.        , 0.53807951])
""",
    "special_ellipe": """
>>> mt.special.ellipe([0.0, 1.0]).execute()
Tensor([1.57079633, 1.        ])
""",
    "special_ellipeinc": """
>>> mt.special.ellipeinc(mt.pi / 2, [0.0, 1.0]).execute()
Tensor([1.57079633, 1.        ])
""",
    "special_ellipk": """
>>> mt.special.ellipk([0.0, 0.5]).execute()
Tensor([1.57079633, 1.85407468])
""",
    "special_ellipkinc": """
>>> mt.special.ellipkinc(mt.pi / 2, [0.0, 0.5]).execute()
Tensor([1.57079633, 1.85407468])
""",
    "special_ellipkm1": """
>>> mt.special.ellipkm1([1.0, 1e-10]).execute()
Tensor([ 1.57079633, 12.89921983])
""",
    "special_elliprc": """
>>> mt.special.elliprc(1.0, [1.0, 2.0]).execute()
Tensor([1.        , 0.78539816])
""",
    "special_elliprd": """
>>> mt.special.elliprd(1.0, 1.0, [1.0, 4.0]).execute()
Tensor([1.      , 0.260346])
""",
    "special_elliprf": """
>>> mt.special.elliprf(1.0, 1.0, [1.0, 4.0]).execute()
Tensor([1.      , 0.760346])
""",
    "special_elliprg": """
>>> mt.special.elliprg(1.0, 1.0, [1.0, 4.0]).execute()
Tensor([1.      , 1.380173])
""",
    "special_entr": """
>>> mt.special.entr([0.0, 0.5, 1.0]).execute()
Tensor([ 0.        ,  0.34657359, -0.        ])
""",
    "special_erf": """
>>> mt.special.erf([0.0, 1.0]).execute()
Tensor([0.        , 0.84270079])
""",
    "special_erfc": """
>>> mt.special.erfc([0.0, 1.0]).execute()
Tensor([1.        , 0.15729921])
""",
    "special_erfcinv": """
>>> mt.special.erfcinv([1.0, 0.5]).execute()
Tensor([0.        , 0.47693628])
""",
    "special_erfcx": """
>>> mt.special.erfcx([0.0, 30.0]).execute()
Tensor([1.        , 0.01879589])
""",
    "special_erfi": """
>>> mt.special.erfi([0.0, 1.0]).execute()
Tensor([0.        , 1.65042576])
""",
    "special_erfinv": """
>>> mt.special.erfinv([0.0, 0.5]).execute()
Tensor([0.        , 0.47693628])
""",
    "special_fresnel": """
>>> s, c = mt.special.fresnel([0.0, 1.0]).execute()
>>> s, c
(Tensor([0.        , 0.43825915]), Tensor([0.       , 0.7798934]))
""",
    "special_gamma": """
>>> mt.special.gamma([0.5, 5.0]).execute()
Tensor([ 1.77245385, 24.        ])
""",
    "special_gammainc": """
>>> mt.special.gammainc(1.0, [0.0, 1.0]).execute()
Tensor([0.        , 0.63212056])
""",
    "special_gammaincc": """
>>> mt.special.gammaincc(1.0, [0.0, 1.0]).execute()
Tensor([1.        , 0.36787944])
""",
    "special_gammainccinv": """
>>> mt.special.gammainccinv(1.0, [0.5, 1.0]).execute()
Tensor([0.69314718, 0.        ])
""",
    "special_gammaincinv": """
>>> mt.special.gammaincinv(1.0, [0.0, 0.5]).execute()
Tensor([0.        , 0.69314718])
""",
    "special_gammaln": """
>>> mt.special.gammaln([3.0, 1000.0]).execute()
Tensor([6.93147181e-01, 5.90522042e+03])
""",
    "special_gammasgn": """
>>> mt.special.gammasgn([0.5, -0.5]).execute()
Tensor([ 1., -1.])
""",
    "special_hankel1": """
>>> mt.special.hankel1([0], 1.0).execute()
Tensor([0.76519769+0.08825696j])
""",
    "special_hankel2": """
>>> mt.special.hankel2([0], 1.0).execute()
Tensor([0.76519769-0.08825696j])
""",
    "special_hyp0f1": """
>>> mt.special.hyp0f1(1.0, [0.0, 1.0]).execute()
Tensor([1.       , 2.2795853])
""",
    "special_hyp1f1": """
>>> mt.special.hyp1f1(1.0, 2.0, [-1.0, 0.0, 1.0]).execute()
Tensor([0.63212056, 1.        , 1.71828183])
""",
    "special_hyp2f1": """
>>> mt.special.hyp2f1(1.0, 1.0, 2.0, [-1.0, 0.0, 0.5]).execute()
Tensor([0.69314718, 1.        , 1.38629436])
""",
    "special_hyperu": """
>>> mt.special.hyperu(1.0, [1.0, 2.0], 0.5).execute()
Tensor([0.92291063, 2.        ])
""",
    "special_iv": """
>>> mt.special.iv([0, 1], 1.0).execute()
Tensor([1.26606588, 0.5651591 ])
""",
    "special_ive": """
>>> mt.special.ive(0, [1.0, 1000.0]).execute()
Tensor([0.46575961, 0.01261724])
""",
    "special_jv": """
>>> mt.special.jv([0, 1], 1.0).execute()
Tensor([0.76519769, 0.44005059])
""",
    "special_kl_div": """
>>> mt.special.kl_div([0.5, 1.0], 1.0).execute()
Tensor([0.15342641, 0.        ])
""",
    "special_kv": """
>>> mt.special.kv([0, 1], 1.0).execute()
Tensor([0.42102444, 0.60190723])
""",
    "special_kve": """
>>> mt.special.kve(0, [1.0, 1000.0]).execute()
Tensor([1.14446308, 0.03962832])
""",
    "special_loggamma": """
>>> mt.special.loggamma([3.0, 1000.0]).execute()
Tensor([6.93147181e-01, 5.90522042e+03])
""",
    "special_modfresnelm": """
>>> f, k = mt.special.modfresnelm([0.0]).execute()
>>> f, k
(Tensor([0.62665707-0.62665707j]), Tensor([0.5-0.j]))
""",
    "special_modfresnelp": """
>>> f, k = mt.special.modfresnelp([0.0]).execute()
>>> f, k
(Tensor([0.62665707+0.62665707j]), Tensor([0.5+0.j]))
""",
    "special_poch": """
>>> mt.special.poch([1.0, 3.0], 3.0).execute()
Tensor([ 6., 60.])
""",
    "special_psi": """
>>> mt.special.psi([1.0, 2.0]).execute()
Tensor([-0.57721566,  0.42278434])
""",
    "special_rel_entr": """
>>> mt.special.rel_entr([0.5, 1.0], 1.0).execute()
Tensor([-0.34657359,  0.        ])
""",
    "special_rgamma": """
>>> mt.special.rgamma([-1.0, 5.0]).execute()
Tensor([0.        , 0.04166667])
""",
    "special_voigt_profile": """
>>> mt.special.voigt_profile([0.0, 1.0], 1.0, 0.5).execute()
Tensor([0.27895547, 0.20017964])
""",
    "special_wofz": """
>>> mt.special.wofz([0.0, 1j]).execute()
Tensor([1.        +0.j, 0.42758358+0.j])
""",
    "special_xlog1py": """
>>> mt.special.xlog1py([0.0, 1.0], [-1.0, 1e-10]).execute()
Tensor([0.e+00, 1.e-10])
""",
    "special_xlogy": """
>>> mt.special.xlogy([0.0, 1.0], [0.0, mt.e]).execute()
Tensor([0., 1.])
""",
    "special_yv": """
>>> mt.special.yv([0, 1], 1.0).execute()
Tensor([ 0.08825696, -0.78121282])
""",
}
