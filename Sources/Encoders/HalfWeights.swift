import Kernels
import Storage

extension NamedTensor {
    /// The tensor as it is published: a matrix's numbers rounded to binary16, to nearest even.
    ///
    /// They stay Float32 and are computed with as such, but inference keeps them in half the memory
    /// (`PackedGRU`). Vectors stay as they are, and so does a matrix with a number beyond binary16.
    package var published: NamedTensor {
        guard shape.count == 2 else { return self }
        let rounded = values.map { float(fromHalf: halfBits($0)) }
        guard rounded.allSatisfy(\.isFinite) else { return self }
        return NamedTensor(name: name, shape: shape, values: rounded)
    }
}
