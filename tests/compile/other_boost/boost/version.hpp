// What a program sees that is compiled with another Boost than the library.
#pragma once

#define BOOST_VERSION 109900
#define BOOST_LIB_VERSION "1_99"
