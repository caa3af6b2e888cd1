import Features
import Kernels
import Profiles
import Storage
import TestSupport
import Testing

/// How the columns of a space's extensions are scaled.
@Suite struct ColumnScalingTests {
    /// ESA of two columns at 1…2, stats of one at 3.
    private static let layout = ProfileLayout([("sra", 1), ("esa", 2), ("stats", 1)])

    @Test func `columns get mean 0 and their part's deviation, and nothing leaves ten`() {
        // By hand: ESA's first column has mean 2 and deviation 2, the second does not vary, and stats
        // has mean 5 and deviation 3.
        let users: [Float] = [7, 0, 9, 2] + [7, 4, 9, 8]
        let scaling = ColumnScaling.fit(users, Self.layout)
        #expect(scaling.columns.keys.count == 2)
        #expect(scaling.columns[.esa]?.centres == [2, 9])
        #expect(scaling.columns[.esa]?.factors == [0.125, 5])
        #expect(scaling.columns[.stats]?.centres == [5])
        #expect(scaling.columns[.stats]?.factors == [Float(1.0 / 3)])
        // Two users at once, as the builder asks.
        var esa: [Float] = [0, 9, 4, 9.5]
        scaling.apply(.esa, &esa)
        #expect(esa == [-0.25, 0, 0.25, 2.5])
        var far: [Float] = [1e6, -1e6]
        scaling.apply(.esa, &far)
        #expect(far == [10, -10])
        var stats: [Float] = [5]
        scaling.apply(.stats, &stats)
        #expect(stats == [0])
    }

    @Test func `what has no scaling stays as it is, and nobody to fit to is identity`() {
        var values: [Float] = [3, 1e9]
        ColumnScaling([:]).apply(.esa, &values)
        #expect(values == [3, 1e9])
        let none = ColumnScaling.fit([], Self.layout)
        #expect(none.columns[.esa]?.centres == [0, 0] && none.columns[.esa]?.factors == [1, 1])
        let published = ColumnScaling.fit([1, 2], ProfileLayout([("sra", 1), ("mtl", 1)]))
        #expect(published.columns.isEmpty)
    }

    @Test func `a file that does not say all of it is refused with its path`() throws {
        let disk = MemoryDisk()
        func write(_ tensors: [NamedTensor]) throws {
            let bytes = try SafetensorsFile(tensors).encoded()
            try disk.remove("/scaling")
            try disk.open("/scaling", .create).write(bytes, at: 0)
        }
        func vector(_ name: String, _ values: [Float]) -> NamedTensor {
            NamedTensor(name: name, shape: [values.count], values: values)
        }
        let cases: [([NamedTensor], String)] = [
            ([vector("esa.centre", [1])], "not both"),
            ([vector("esa.centre", [1]), vector("esa.factor", [1, 2])], "not as many"),
            ([vector("esa.centre", [1]), vector("esa.factor", [0])], "not as many"),
            ([vector("esa.centre", [.nan]), vector("esa.factor", [1])], "not as many"),
            ([vector("sra.centre", [1]), vector("sra.factor", [1])], "sra.centre"),
        ]
        for (tensors, reason) in cases {
            try write(tensors)
            #expect {
                try ColumnScaling(path: "/scaling", on: disk)
            } throws: { error in
                "\(error)".contains("/scaling") && "\(error)".contains(reason)
            }
        }
    }

    @Test func `a space whose scaling has another width is refused by name`() throws {
        var space = TinySpace.space()
        space.scaling = ColumnScaling([
            .stats: ColumnScaling.Columns(centres: [0], factors: [1])
        ])
        #expect {
            try ProfileModel(
                statistics: .empty, fold: FoldOptions(), space: space,
                generation: TinySpace.generation(), hybrid: .extended, level: .best)
        } throws: { error in
            "\(error)".contains("stats.centre in scaling.safetensors")
        }
    }
}
