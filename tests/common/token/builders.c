#include "unit.h"

CU_TestInfo token_builders_tests[] = {
	CU_TEST_INFO_NULL,
};
