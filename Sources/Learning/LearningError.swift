/// Why something cannot be learned, or what was learned cannot be read.
package enum LearningError: Error, Equatable, CustomStringConvertible {
    case missingTensor(name: String)
    case foreignTensor(name: String)
    case wrongShape(name: String, shape: [Int], wanted: [Int])

    package var description: String {
        switch self {
        case .missingTensor(let name):
            "weights: no tensor \(name); the file is not of this network, or was cut"
        case .foreignTensor(let name):
            "weights: tensor \(name) belongs to no part of this network, or is given twice"
        case .wrongShape(let name, let shape, let wanted):
            "weights: tensor \(name) has shape \(shape), \(wanted) wanted"
        }
    }
}
