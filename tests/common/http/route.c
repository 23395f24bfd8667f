#include "unit.h"

CU_TestInfo http_route_tests[] = {
	CU_TEST_INFO_NULL,
};
