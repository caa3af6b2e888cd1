// swift-tools-version: 6.2
import PackageDescription

/// Every Swift target is built with the compiler's strictest settings; none may opt out.
let strict: [SwiftSetting] = [
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// One stage of the data path, or one leaf it stands on.
func stage(_ name: String, _ dependencies: Target.Dependency...) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// The tests of the target of the same name.
func tests(_ target: String, _ extra: Target.Dependency...) -> Target {
    .testTarget(
        name: target + "Tests",
        dependencies: [.byName(name: target), "TestSupport"] + extra,
        swiftSettings: strict)
}

let arguments: Target.Dependency = .product(
    name: "ArgumentParser", package: "swift-argument-parser")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let lifecycle: Target.Dependency = .product(
    name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals: Target.Dependency = .product(
    name: "UnixSignals", package: "swift-service-lifecycle")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")

let package = Package(
    name: "ubpd",
    products: [
        .executable(name: "ubpd", targets: ["ubpd"]),
        .executable(name: "ubpctl", targets: ["ubpctl"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // MARK: C
        .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
        .systemLibrary(
            name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        // malloc.h of the C library, which no module of Swift's has.
        .systemLibrary(name: "CMalloc"),
        .target(name: "CKernels"),
        // Debian ships no pkg-config file for it.
        .target(name: "COneDNN", linkerSettings: [.linkedLibrary("dnnl")]),

        // MARK: Leaves: numbers in memory, bytes on disk, bytes on the socket
        stage("Kernels", "CKernels", "COneDNN"),
        stage("Storage", "CCrypto", "CMalloc"),
        stage("ControlProtocol"),

        // MARK: Data path, in the order data flows
        stage("EventLog", "CLZ4", "Storage"),
        stage("Events", "EventLog", "Storage"),
        stage("Sessions", "Events", "EventLog"),
        stage("Features", "Sessions", "Events", "EventLog", "Kernels", "Storage"),
        stage("Encoders", "Features", "Kernels", "Storage"),
        stage("Learning", "Encoders", "Features", "Events", "Kernels", "Storage"),
        stage(
            "Profiles", "Encoders", "Learning", "Features", "Sessions", "Events", "Kernels",
            "Storage"),
        stage("Snapshots", "Profiles", "Events", "EventLog", "Storage", grdb),
        stage(
            "Pipeline", "EventLog", "Events", "Sessions", "Features", "Encoders", "Learning",
            "Profiles", "Snapshots", "Kernels", "Storage", grdb),

        // MARK: Assembly
        stage("Evaluation", "Learning", "Snapshots", "Events", "Kernels", "Storage"),
        stage(
            "Refresh", "Evaluation", "Pipeline", "EventLog", "Events", "Sessions", "Features",
            "Encoders", "Learning", "Profiles", "Snapshots", "Kernels", "Storage"),
        stage("Import", "Events", "EventLog", "Storage"),
        stage("Simulation", "Events", "EventLog", "Kernels", "Storage"),
        stage(
            "Daemon", "Pipeline", "ControlProtocol", "EventLog", "Events", "Features", "Profiles",
            "Snapshots", "Storage", lifecycle, signals, logging, nioCore, nioPosix, yams),

        // MARK: Programs
        .executableTarget(
            name: "ubpd",
            dependencies: [
                "Daemon", "Refresh", "Evaluation", "Import", "Simulation", "Pipeline", "EventLog",
                "Events", "Sessions", "Features", "Encoders", "Learning", "Profiles", "Kernels",
                "Snapshots", "Storage", arguments, logging, signals,
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "ubpctl",
            dependencies: ["ControlProtocol", arguments, nioCore, nioPosix],
            swiftSettings: strict),
        .executableTarget(
            name: "Benchmarks",
            dependencies: [
                "Kernels", "EventLog", "Events", "Sessions", "Features", "Encoders", "Learning",
                "Profiles", "Snapshots", "Pipeline", "Evaluation", "Refresh", "Import",
                "Simulation", "Storage", "TestSupport", arguments,
            ],
            path: "Benchmarks", exclude: ["peers"], swiftSettings: strict),
        .executableTarget(
            name: "Torture",
            dependencies: ["EventLog", "Storage", "Events", "TestSupport", arguments],
            path: "Torture", swiftSettings: strict),

        // MARK: Tests
        .target(
            name: "TestSupport",
            dependencies: [
                "Profiles", "Learning", "Encoders", "Features", "Kernels", "Storage", "EventLog",
                "Events",
            ],
            path: "Tests/TestSupport", swiftSettings: strict),
        tests("Kernels", "CKernels", "Storage"),
        tests("Storage"),
        tests("ControlProtocol", "Storage"),
        tests("EventLog", "Storage"),
        tests("Events", "EventLog", "Storage"),
        tests("Sessions", "Events", "EventLog", "Storage"),
        tests("Features", "Sessions", "Events", "EventLog", "Kernels", "Storage"),
        tests("Encoders", "Kernels", "Features", "Storage"),
        tests("Learning", "Encoders", "Features", "Events", "EventLog", "Kernels", "Storage"),
        tests(
            "Profiles", "Encoders", "Learning", "Features", "Sessions", "Events", "EventLog",
            "Kernels", "Storage"),
        tests("Snapshots", "Profiles", "Storage", "Events", "EventLog", grdb),
        tests(
            "Pipeline", "EventLog", "Events", "Sessions", "Features", "Encoders", "Learning",
            "Profiles", "Refresh", "Snapshots", "Kernels", "Storage", grdb),
        tests(
            "Refresh", "Evaluation", "Learning", "Encoders", "Profiles", "Features", "Sessions",
            "Events", "EventLog", "Pipeline", "Snapshots", "Kernels", "Storage", grdb),
        tests(
            "Evaluation", "Simulation", "Learning", "Snapshots", "EventLog", "Events", "Kernels",
            "Storage"),
        tests("Import", "EventLog", "Events", "Storage"),
        tests("Simulation", "EventLog", "Events", "Storage"),
        tests(
            "Daemon", "ControlProtocol", "Pipeline", "Profiles", "Snapshots", "Features",
            "Sessions",
            "Events", "EventLog", "Storage", logging, nioCore, nioPosix),
        .testTarget(
            name: "SystemTests", dependencies: ["TestSupport", "ControlProtocol", "Storage"],
            swiftSettings: strict),
        tests("Torture", "Storage"),
        .testTarget(name: "TidyTests", swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .gnu17
)
