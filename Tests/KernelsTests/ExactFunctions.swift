import Glibc

// The C library's functions under names that the kernels do not have.

func exactExp(_ x: Double) -> Double { Glibc.exp(x) }
func exactTanh(_ x: Double) -> Double { Glibc.tanh(x) }
func exactExpm1(_ x: Double) -> Double { Glibc.expm1(x) }
func exactLn(_ x: Double) -> Double { Glibc.log(x) }
func exactLog2(_ x: Double) -> Double { Glibc.log2(x) }
func exactLog1p(_ x: Double) -> Double { Glibc.log1p(x) }
func exactPow(_ x: Double, _ y: Double) -> Double { Glibc.pow(x, y) }
func sine(_ x: Double) -> Double { Glibc.sin(x) }
func cosine(_ x: Double) -> Double { Glibc.cos(x) }
