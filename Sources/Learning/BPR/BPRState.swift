import Kernels
import Storage

/// Factors in training: what is needed to go on.
package struct BPRState: Sendable {
    /// `[U, W]`, see `BPRKernels`.
    package let users: Matrix<Float>
    /// `[I, W]`.
    package let items: Matrix<Float>
    /// Stretches that are done.
    package internal(set) var stretchCount = 0

    /// Small random factors, as the published library begins: (U(0, 1) − ½) / K in all K + 1
    /// columns, rows without a pair all zero, 1 in a user's last column.
    ///
    /// A row's draws depend on its id alone, so that an item begins the same in every refresh,
    /// whichever others there are: what training is too short to turn stays as it was.
    ///
    /// - Parameters:
    ///   - interactions: of U users and I items.
    ///   - options: how they will be trained.
    ///   - userIDs: `[U]`; nil for indices.
    ///   - itemIDs: `[I]`; nil for indices.
    package init(
        interactions: BPRInteractions, options: BPROptions, userIDs: [Int64]? = nil,
        itemIDs: [Int64]? = nil
    ) {
        let factors = options.factorCount
        let width = BPRKernels.rowWidth(factorCount: factors)
        let pairs = interactions.pairs
        users = Matrix(rows: pairs.userCount, columns: width)
        items = Matrix(rows: interactions.itemCount, columns: width)
        let popularity = interactions.popularity
        for user in 0..<users.rows where !pairs.range(of: user).isEmpty {
            Self.fill(
                users, user, factors, id: userIDs?[user] ?? Int64(user), seed: options.seed,
                stream: 1)
            users[user, factors] = 1
        }
        for item in 0..<items.rows where popularity[item] > 0 {
            Self.fill(
                items, item, factors, id: itemIDs?[item] ?? Int64(item), seed: options.seed,
                stream: 2)
        }
    }

    private init(users: Matrix<Float>, items: Matrix<Float>, stretchCount: Int) {
        self.users = users
        self.items = items
        self.stretchCount = stretchCount
    }

    private static func fill(
        _ matrix: Matrix<Float>, _ row: Int, _ factors: Int, id: Int64, seed: UInt64,
        stream: UInt64
    ) {
        var random = SeededRandom(
            seed: seed ^ SeededRandom.mix(stream), stream: UInt64(bitPattern: id) &+ 1)
        for column in 0...factors {
            matrix[row, column] = Float((random.nextUnit() - 0.5) / Double(factors))
        }
    }

    /// Whether every factor is a number.
    var isFinite: Bool {
        Float.sumOfSquares(users).isFinite && Float.sumOfSquares(items).isFinite
    }
}

/// A checkpoint of BPR's training: a safetensors file, written aside and renamed.
extension BPRState {
    /// Writes the state; `options` are what training may go on with.
    package func write(
        _ path: String, options: BPROptions, on host: Host
    ) throws(LearningError) {
        let file = SafetensorsFile(
            [("users", users), ("items", items)].map {
                NamedTensor(name: $0, shape: [$1.rows, $1.columns], values: $1.values)
            },
            metadata: ["options": "\(options)", "stretches": String(stretchCount)])
        let bytes: [UInt8]
        do throws(SafetensorsError) {
            bytes = try file.encoded()
        } catch {
            throw .damagedCheckpoint(path: path, reason: error.description)
        }
        do throws(StorageError) {
            try AtomicFile.write(bytes, to: path, on: host)
        } catch {
            throw .storage(error)
        }
    }

    /// Reads a state that goes on with the same interactions and options as `fresh` begins with.
    package static func read(
        _ path: String, like fresh: BPRState, options: BPROptions, on disk: any Disk
    ) throws(LearningError) -> BPRState {
        let file: SafetensorsFile
        do throws(StorageError) {
            file = try SafetensorsFile.read(path, on: disk)
        } catch {
            throw .storage(error)
        }
        guard let made = file.metadata["options"],
            let stretches = file.metadata["stretches"].flatMap({ Int($0) }), stretches >= 0
        else { throw .damagedCheckpoint(path: path, reason: "says not what it was made with") }
        guard made == "\(options)" else {
            throw .foreignCheckpoint(path: path, differences: ["\(made), not \(options)"])
        }
        var factors: [Matrix<Float>] = []
        for (name, shape) in [("users", fresh.users), ("items", fresh.items)] {
            guard let tensor = file.tensors.first(where: { $0.name == name }),
                case .float32(let values) = tensor.values
            else { throw .damagedCheckpoint(path: path, reason: "has no \(name)") }
            guard tensor.shape == [shape.rows, shape.columns] else {
                throw .foreignCheckpoint(
                    path: path,
                    differences: ["\(name) \(tensor.shape), not \([shape.rows, shape.columns])"])
            }
            factors.append(Matrix(values, rows: shape.rows, columns: shape.columns))
        }
        return BPRState(users: factors[0], items: factors[1], stretchCount: stretches)
    }
}
