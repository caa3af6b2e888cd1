import Storage
import TestSupport

/// Tests/Golden/probe_goldens.safetensors, made by scikit-learn: numbers by name.
struct ProbeGoldens {
    private let byName: [String: [Float]]

    init() throws {
        let file = try SafetensorsFile.read(goldenPath("probe_goldens.safetensors"), on: RealDisk())
        byName = Dictionary(uniqueKeysWithValues: try file.floats().map { ($0.name, $0.values) })
    }

    func values(_ name: String) -> [Float] { byName[name] ?? [] }

    func flags(_ name: String) -> [Bool] { values(name).map { $0 != 0 } }
}

/// The largest difference of two lists; infinite when they are not equally long.
func largestDifference(_ left: [some BinaryFloatingPoint], _ right: [Float]) -> Double {
    guard left.count == right.count else { return .infinity }
    return zip(left, right).map { abs(Double($0) - Double($1)) }.max() ?? 0
}
