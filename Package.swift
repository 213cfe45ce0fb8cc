// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

let strictC: [CSetting] = [
    .treatAllWarnings(as: .error),
    .unsafeFlags(["-O3", "-Wall", "-Wextra", "-fno-math-errno"]),
]

let package = Package(
    name: "apus",
    products: [.executable(name: "apus", targets: ["apus"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(
            url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: ["YAML"]),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .target(name: "CKernels", cSettings: strictC),
        .target(name: "CEpoll"),
        .target(name: "CFaults", cSettings: strictC),
        .systemLibrary(
            name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "ModelFile", dependencies: ["CFaults"], swiftSettings: strict),
        .target(
            name: "Tokenization",
            dependencies: [
                .product(name: "HeapModule", package: "swift-collections"),
                .product(name: "OrderedCollections", package: "swift-collections"),
            ],
            swiftSettings: strict),
        .target(
            name: "Scheduling",
            dependencies: [.product(name: "DequeModule", package: "swift-collections")],
            swiftSettings: strict),
        .target(name: "OpenAIAPI", swiftSettings: strict),
        .target(name: "Decoding", dependencies: ["CKernels", "ModelFile"], swiftSettings: strict),
        .target(
            name: "HTTPServing",
            dependencies: [
                "CEpoll", "COpenSSL", "CZlib",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "DequeModule", package: "swift-collections"),
            ],
            swiftSettings: strict),
        .target(
            name: "ServerApp",
            dependencies: [
                "ModelFile", "Tokenization", "Scheduling", "OpenAIAPI", "Decoding", "HTTPServing",
                "CZlib",
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "apus",
            dependencies: [
                "ServerApp", "ModelFile", "Decoding", "OpenAIAPI",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),

        .testTarget(
            name: "CKernelsTests", dependencies: ["CKernels"], swiftSettings: strict),
        .testTarget(
            name: "ModelFileTests", dependencies: ["ModelFile"], swiftSettings: strict),
        .testTarget(
            name: "TokenizationTests", dependencies: ["Tokenization", "OpenAIAPI"],
            swiftSettings: strict),
        .testTarget(
            name: "SchedulingTests", dependencies: ["Scheduling"], swiftSettings: strict),
        .testTarget(
            name: "OpenAIAPITests", dependencies: ["OpenAIAPI"], swiftSettings: strict),
        .testTarget(
            name: "DecodingTests", dependencies: ["Decoding", "ModelFile", "CKernels"],
            swiftSettings: strict),
        .testTarget(
            name: "HTTPServingTests",
            dependencies: [
                "HTTPServing", "COpenSSL",
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ], swiftSettings: strict),
        .testTarget(
            name: "ServerAppTests",
            dependencies: [
                "ServerApp", "Decoding", "ModelFile", "OpenAIAPI", "Scheduling", "Tokenization",
            ],
            swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
