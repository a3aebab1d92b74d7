// swift-tools-version: 6.2

import PackageDescription

let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "buildinfo",
    products: [
        .executable(name: "buildinfo-agent", targets: ["Agent"]),
        .executable(name: "buildinfo-collector", targets: ["Collector"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
    ],
    targets: [
        // The contract between the two programs: no I/O, and nothing but FoundationEssentials.
        .target(name: "Shared", swiftSettings: strict),

        // The agent's configuration file. Yams would bring all of Foundation.
        .systemLibrary(name: "CYAML", providers: [.apt(["libyaml-dev"])]),

        // What runs on every host. No libcurl, no full Foundation: its size is a promise (see bench/).
        .executableTarget(
            name: "Agent",
            dependencies: [
                "CYAML",
                "Shared",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOTLS", package: "swift-nio"),
            ],
            swiftSettings: strict
        ),

        .systemLibrary(
            name: "CCurl",
            pkgConfig: "libcurl",
            providers: [.apt(["libcurl4-openssl-dev"])]
        ),
        .target(
            name: "CollectorSupport",
            dependencies: [
                "Shared",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            path: "Sources/Collector/Support",
            swiftSettings: strict
        ),
        .target(
            name: "Verdict",
            dependencies: [
                "Shared"
            ],
            path: "Sources/Collector/Verdict",
            swiftSettings: strict
        ),
        .target(
            name: "Transfer",
            dependencies: [
                "CCurl",
                "Shared",
            ],
            path: "Sources/Collector/Transfer",
            swiftSettings: strict
        ),
        .target(
            name: "Inventory",
            dependencies: [
                "CollectorSupport",
                "Shared",
                "Verdict",
                .product(name: "Yams", package: "Yams"),
            ],
            path: "Sources/Collector/Inventory",
            swiftSettings: strict
        ),
        .target(
            name: "Registry",
            dependencies: [
                "CCurl",
                "CollectorSupport",
                "Shared",
                "Transfer",
                "Verdict",
            ],
            path: "Sources/Collector/Registry",
            swiftSettings: strict
        ),
        .target(
            name: "Gate",
            dependencies: [
                "CollectorSupport",
                "Shared",
                "Transfer",
            ],
            path: "Sources/Collector/Gate",
            swiftSettings: strict
        ),
        .target(
            name: "Reports",
            dependencies: [
                "CollectorSupport",
                "Shared",
                "Verdict",
            ],
            path: "Sources/Collector/Reports",
            swiftSettings: strict
        ),
        .target(
            name: "Evidence",
            dependencies: [
                "CollectorSupport",
                "Reports",
                "Shared",
                "Verdict",
            ],
            path: "Sources/Collector/Evidence",
            swiftSettings: strict
        ),
        .target(
            name: "Ledger",
            dependencies: [
                "CollectorSupport",
                "Registry",
                "Reports",
                "Shared",
                "Verdict",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Sources/Collector/Ledger",
            swiftSettings: strict
        ),
        .target(
            name: "Operations",
            dependencies: [
                "CollectorSupport",
                "Evidence",
                "Gate",
                "Inventory",
                "Ledger",
                "Registry",
                "Reports",
                "Shared",
                "Transfer",
                "Verdict",
                .product(name: "HeapModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            path: "Sources/Collector/Operations",
            swiftSettings: strict
        ),
        .target(
            name: "Drill",
            dependencies: [
                "CollectorSupport",
                "Inventory",
                "Ledger",
                "Operations",
                "Reports",
                "Shared",
                "Transfer",
                "Verdict",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            path: "Sources/Collector/Drill",
            swiftSettings: strict
        ),
        .executableTarget(
            name: "Collector",
            dependencies: [
                "CCurl",
                "CollectorSupport",
                "Drill",
                "Evidence",
                "Gate",
                "Inventory",
                "Ledger",
                "Operations",
                "Registry",
                "Reports",
                "Shared",
                "Transfer",
                "Verdict",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Sources/Collector/Commands",
            swiftSettings: strict
        ),

        // Fake hosts, a fake engine, temporary folders: what several test targets need.
        .target(
            name: "Support",
            dependencies: [
                "Shared",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            path: "Tests/Support",
            swiftSettings: strict
        ),
        .testTarget(name: "SharedTests", dependencies: ["Shared"], swiftSettings: strict),
        .testTarget(
            name: "AgentTests",
            dependencies: [
                "Agent", "Shared", "Support",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            exclude: ["Configurations"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "CollectorTests",
            dependencies: [
                "Collector",
                "CollectorSupport",
                "Drill",
                "Evidence",
                "Gate",
                "Inventory",
                "Ledger",
                "Operations",
                "Registry",
                "Reports",
                "Shared",
                "Support",
                "Transfer",
                "Verdict",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                // To break a ledger's rules with, and to see what its check says.
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Yams", package: "Yams"),
            ],
            resources: [.copy("Evidence/Recordings"), .copy("Golden"), .copy("Inventories")],
            swiftSettings: strict
        ),
        // The two programs are run as processes; the dependencies see to it that they are built.
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "Agent", "Collector", "Shared", "Support",
                // To read a ledger beside the program that writes it, and the examples' steps.
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: strict
        ),
    ],
    swiftLanguageModes: [.v6]
)
