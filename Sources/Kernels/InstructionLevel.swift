import CKernels

/// Which vector instructions the kernels use; the results are the same bytes at every level.
///
/// Each output of a kernel is one chain of fused multiply-adds over ascending k, with our own
/// exponential and true division, at all levels (Sources/CKernels/levels.h). A level only decides
/// how many outputs are computed side by side.
package enum InstructionLevel: String, Sendable, CaseIterable {
    /// C without vector intrinsics; runs on any machine.
    case portable
    /// AVX2 with FMA and F16C.
    case avx2
    /// AVX-512 F, BW, DQ and VL.
    case avx512

    /// The levels this processor and its operating system have, slowest first.
    package static let supported = allCases.filter { kernels_level_supported($0.code) != 0 }

    /// The fastest supported level.
    package static let best = supported.last ?? .portable

    /// What CKernels calls the level.
    var code: Int32 {
        switch self {
        case .portable: Int32(kernels_portable)
        case .avx2: Int32(kernels_avx2)
        case .avx512: Int32(kernels_avx512)
        }
    }

    /// The code of the level; traps when this machine has not got it.
    var checkedCode: Int32 {
        precondition(Self.supported.contains(self), "this machine has no \(rawValue)")
        return code
    }
}
