import Testing

/// The table of ARCHITECTURE.md: a target imports what stands to its left, or a leaf.
///
/// The compiler's own check does not see an import that skips a layer, so this reads the sources,
/// and `Package.swift` as well.
@Suite struct ImportTableTests {
    @Test(arguments: SourceFile.all.filter { !$0.path.hasPrefix("Tests/") })
    func `imports only what its target may`(file: SourceFile) throws {
        let target = try #require(file.target)
        let allowed = try #require(mayImport[target], "\(target) is missing in the table")
        for name in file.imports where mayImport[name] != nil {
            #expect(allowed.contains(name), "\(file): \(target) may not import \(name)")
        }
    }

    @Test func `covers every target, and no other`() {
        let folders = Set(Repository.names(in: "Sources")).union(["Benchmarks", "Torture"])
        #expect(Set(mayImport.keys) == folders)
    }

    @Test(arguments: mayImport.keys.sorted())
    func `names only targets that stand before it`(target: String) throws {
        let allowed = try #require(mayImport[target])
        let place = try #require(order.firstIndex(of: target))
        for name in allowed {
            let before = try #require(order.firstIndex(of: name), "\(name) is no target")
            #expect(before < place, "\(target) stands left of \(name)")
        }
    }

    @Test func `declares in Package.swift no more than that`() throws {
        let declared = try declarations()
        let ours = Set(SourceFile.sources.compactMap(\.target))
        #expect(ours.subtracting(declared.map(\.target)) == [], "these were not found in it")
        for (target, dependencies) in declared {
            let allowed = try #require(mayImport[target], "\(target) is missing in the table")
            let excess = dependencies.subtracting(allowed).sorted()
            #expect(excess == [], "Package.swift: \(target) may not depend on these")
        }
    }

    @Test(arguments: SourceFile.sources)
    func `leaves libraries to the targets that are there for them`(file: SourceFile) {
        for name in file.imports {
            guard let targets = libraryUsers[name] else { continue }
            #expect(targets.contains(file.target ?? ""), "\(file): \(name) belongs in \(targets)")
        }
    }

    /// Our targets that each target of `Package.swift` depends on.
    private func declarations() throws -> [(target: String, dependencies: Set<String>)] {
        let text = try #require(Repository.text(of: "Package.swift"))
        let stages = text.matches(of: /\bstage\(\s*"(\w+)"([^)]*)\)/).map { ($0.1, $0.2) }
        let programs = text.matches(
            of: /\.executableTarget\(\s*name: "(\w+)",\s*dependencies: \[([^\]]*)\]/
        ).map { ($0.1, $0.2) }
        return (stages + programs).map { name, list in
            let quoted = list.matches(of: /"(\w+)"/).map { String($0.1) }
            return (target: String(name), dependencies: Set(quoted))
        }
    }
}

/// The data path from left to right, the leaves before it, what puts it together after it.
private let order = [
    "CLZ4", "CCrypto", "CMalloc", "COneDNN", "CKernels", "Kernels", "Storage", "ControlProtocol",
    "EventLog", "Events", "Sessions", "Features", "Encoders", "Learning", "Profiles", "Snapshots",
    "Pipeline", "Evaluation", "Refresh", "Import", "Simulation", "Daemon", "ubpd", "ubpctl",
    "TestSupport", "Benchmarks", "Torture",
]

/// The data path without what only reads bytes, which most later stages may import whole.
private let throughSnapshots: Set = [
    "Kernels", "Storage", "EventLog", "Events", "Sessions", "Features", "Encoders", "Learning",
    "Profiles", "Snapshots",
]

private let mayImport: [String: Set<String>] = [
    "CLZ4": [],
    "CCrypto": [],
    "CMalloc": [],
    "CKernels": [],
    "COneDNN": [],
    "Kernels": ["CKernels", "COneDNN"],
    "Storage": ["CCrypto", "CMalloc"],
    "ControlProtocol": [],
    "EventLog": ["CLZ4", "Storage"],
    "Events": ["EventLog", "Storage"],
    "Sessions": ["Events", "EventLog"],
    "Features": ["Sessions", "Events", "EventLog", "Kernels", "Storage"],
    "Encoders": ["Features", "Kernels", "Storage"],
    "Learning": ["Encoders", "Features", "Events", "Kernels", "Storage"],
    "Profiles": [
        "Encoders", "Learning", "Features", "Sessions", "Events", "Kernels", "Storage",
    ],
    "Snapshots": ["Profiles", "Events", "EventLog", "Storage"],
    "Pipeline": throughSnapshots,
    "Evaluation": ["Learning", "Snapshots", "Events", "Kernels", "Storage"],
    "Refresh": throughSnapshots.union(["Pipeline", "Evaluation"]),
    "Import": ["EventLog", "Events", "Storage"],
    "Simulation": ["Events", "EventLog", "Kernels", "Storage"],
    "Daemon": throughSnapshots.union(["Pipeline", "ControlProtocol"]),
    "ubpd": throughSnapshots.union([
        "Pipeline", "Evaluation", "Refresh", "Import", "Simulation", "Daemon",
    ]),
    "ubpctl": ["ControlProtocol"],
    "Benchmarks": throughSnapshots.union([
        "Pipeline", "Evaluation", "Refresh", "Import", "Simulation", "TestSupport",
    ]),
    "Torture": ["Events", "EventLog", "Storage", "TestSupport"],
]

/// Which targets may know a library: each has one place (docs/decisions/0001-dependencies.md).
private let libraryUsers: [String: Set<String>] = [
    "GRDB": ["Snapshots", "Pipeline"],
    "NIOCore": ["Daemon", "ubpctl"],
    "NIOPosix": ["Daemon", "ubpctl"],
    "Yams": ["Daemon"],
    "ServiceLifecycle": ["Daemon", "ubpd"],
    "UnixSignals": ["Daemon", "ubpd"],
    "Logging": ["Daemon", "ubpd"],
    "ArgumentParser": ["ubpd", "ubpctl", "Benchmarks", "Torture"],
    "Glibc": ["Storage", "EventLog"],
]
