import Features
import Storage

/// How a space scales the columns of its own extensions, `esa` and `stats` (docs/decisions/0014).
///
/// A column x is served as clamp((x − centre) · factor, −10, 10). Centres are means and factors
/// belong to standard deviations over the users of fit(T), so that a network that is taught from the
/// profile neither drowns in a part that happens to be wide nor overlooks one whose columns are
/// shares. The published parts are served as their networks give them.
package struct ColumnScaling: Sendable, Equatable {
    /// Centre and factor of each column of one part.
    package struct Columns: Sendable, Equatable {
        /// `[W]`, in the part's own units.
        package let centres: [Float]
        /// `[W]`, > 0, per unit.
        package let factors: [Float]

        /// Traps when the two are not equally long.
        package init(centres: [Float], factors: [Float]) {
            precondition(centres.count == factors.count, "ColumnScaling: centres and factors")
            self.centres = centres
            self.factors = factors
        }
    }

    /// Where it lies below a space's directory: safetensors, F32, `<part>.centre` and `<part>.factor`.
    package static let path = "scaling.safetensors"
    /// The parts that are scaled, in the profile's order.
    package static let parts: [ProfilePart] = [.esa, .stats]
    /// A served column lies within ± this.
    package static let limit: Float = 10
    /// The standard deviation that the columns of a part are given.
    ///
    /// The 256 columns of `esa` have less than `stats`' 48 because in a small shop, where few users
    /// teach a network, a wide part hides the others (docs/decisions/0014 has the figures).
    package static func deviation(_ part: ProfilePart) -> Double { part == .esa ? 0.25 : 1 }
    /// Standard deviations below it are taken for it: a column that hardly varied among the users of
    /// fit(T) would otherwise be blown up by the first user who differs.
    package static let leastDeviation = 0.05

    /// By part; a part that is absent is served as it is.
    package let columns: [ProfilePart: Columns]

    /// A scaling of the given parts; traps on one that is published as its network gives it.
    package init(_ columns: [ProfilePart: Columns]) {
        precondition(columns.keys.allSatisfy(Self.parts.contains), "ColumnScaling: \(columns.keys)")
        self.columns = columns
    }

    /// Scales the columns of a part, `[users, W]` or one user's; values that are not finite stay so.
    package func apply(_ part: ProfilePart, _ values: inout [Float]) {
        guard let columns = columns[part], !columns.centres.isEmpty else { return }
        let width = columns.centres.count
        for start in stride(from: 0, to: values.count, by: width) {
            for column in 0..<min(width, values.count - start) {
                let scaled =
                    (values[start + column] - columns.centres[column]) * columns.factors[column]
                values[start + column] =
                    scaled > Self.limit ? Self.limit : scaled < -Self.limit ? -Self.limit : scaled
            }
        }
    }

    /// The scaling that gives users' columns mean 0 and their part's standard deviation.
    ///
    /// Sums are in Float64, in the users' order.
    /// - Parameters:
    ///   - values: `[users, D]`, unscaled.
    ///   - layout: of these profiles.
    /// - Returns: nothing of a part that is not in the layout; identity when there are no users.
    package static func fit(_ values: [Float], _ layout: ProfileLayout) -> ColumnScaling {
        let userCount = layout.width == 0 ? 0 : values.count / layout.width
        var columns: [ProfilePart: Columns] = [:]
        for part in parts {
            guard let place = layout.parts.first(where: { $0.name == part.rawValue }) else {
                continue
            }
            let width = place.end - place.start
            let weight = deviation(part)
            var centres = [Float](repeating: 0, count: width)
            var factors = [Float](repeating: 1, count: width)
            for column in 0..<width where userCount > 0 {
                let cells = (0..<userCount).lazy.map {
                    Double(values[$0 * layout.width + place.start + column])
                }
                let mean = cells.reduce(0, +) / Double(userCount)
                let square = cells.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(userCount)
                centres[column] = Float(mean)
                factors[column] = Float(weight / max(leastDeviation, square.squareRoot()))
            }
            columns[part] = Columns(centres: centres, factors: factors)
        }
        return ColumnScaling(columns)
    }

    /// The file's bytes.
    package func encoded() throws(SafetensorsError) -> [UInt8] {
        var tensors: [NamedTensor] = []
        for part in Self.parts {
            guard let columns = columns[part] else { continue }
            let width = columns.centres.count
            tensors += [
                NamedTensor(
                    name: "\(part.rawValue).centre", shape: [width], values: columns.centres),
                NamedTensor(
                    name: "\(part.rawValue).factor", shape: [width], values: columns.factors),
            ]
        }
        return try SafetensorsFile(tensors).encoded()
    }

    /// Reads what `encoded` gave.
    ///
    /// - Throws: `unreadable` for a tensor that belongs to no part, is not a finite vector, or whose
    ///   companion is missing.
    package init(path: String, on disk: any Disk) throws(FeatureError) {
        func wrong(_ reason: String) -> FeatureError { .unreadable(path: path, reason: reason) }
        var known: [String: [Float]] = [:]
        do {
            for tensor in try SafetensorsFile.read(path, on: disk).floats() {
                known[tensor.name] = tensor.values
            }
        } catch {
            throw wrong("\(error)")
        }
        var columns: [ProfilePart: Columns] = [:]
        for part in Self.parts {
            let centres = known.removeValue(forKey: "\(part.rawValue).centre")
            let factors = known.removeValue(forKey: "\(part.rawValue).factor")
            guard let centres, let factors else {
                guard centres == nil, factors == nil else {
                    throw wrong("\(part.rawValue) has a centre or a factor, not both")
                }
                continue
            }
            guard centres.count == factors.count, centres.allSatisfy({ $0.isFinite }),
                factors.allSatisfy({ $0.isFinite && $0 > 0 })
            else { throw wrong("\(part.rawValue): not as many finite factors > 0 as centres") }
            columns[part] = Columns(centres: centres, factors: factors)
        }
        if let name = known.keys.min() {
            throw wrong("`\(name)` belongs to no part that is scaled")
        }
        self.columns = columns
    }

    /// The first part whose columns are not as many as the layout's; nil when all fit.
    package func misfit(_ layout: ProfileLayout) -> (part: ProfilePart, width: Int, wanted: Int)? {
        for place in layout.parts {
            guard let part = ProfilePart(rawValue: place.name), let columns = columns[part] else {
                continue
            }
            let wanted = place.end - place.start
            if columns.centres.count != wanted { return (part, columns.centres.count, wanted) }
        }
        return nil
    }
}
